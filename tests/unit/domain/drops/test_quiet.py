"""How long a drop must stay unchanged."""

from __future__ import annotations

import pytest
from gallop.domain.drops import quiet

MINIMUM = 20


@pytest.mark.parametrize(
    ("uploaded", "answered_at", "seconds"),
    [
        ([], 0, 20),
        ([100], 0, 20),
        ([100, 101, 106], 0, 20),
        ([100, 106, 113], 0, 21),
        ([113, 100, 106], 0, 21),
        ([100, 160, 161], 0, 180),
        ([100, 250], 0, 300),
        ([100, 500], 0, 20),
        ([100, 160, 161], 100, 20),
        ([100, 160, 190], 100, 90),
        ([100, 160], 200, 20),
    ],
)
def test_the_quiet_time_grows_with_the_longest_gap(uploaded: list[float], answered_at: float, seconds: float) -> None:
    """Three times the gap, up to five minutes; longer pauses, and files that were refused, begin another upload."""
    assert seconds == quiet.seconds(MINIMUM, uploaded, answered_at)


def test_an_operators_longer_time_is_kept() -> None:
    """The maximum is for what grows."""
    assert 900 == quiet.seconds(900, [100, 250])

"""What a job costs in calls to its neighbours, and in transitions: neither grows unnoticed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.bench.calls import folder, made_by, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.promise import Simulation

MAX_TRANSITIONS = 17


@pytest.mark.parametrize(("start", "limit"), [(request, 60), (folder, 85)], ids=["https", "s3"])
def test_a_job_makes_few_calls(start: Callable[[Simulation], None], limit: int) -> None:
    """Each call takes time and costs money: a record is neither read nor written twice for one change."""
    counted = made_by(start)
    assert limit >= len(counted.calls), Counter(counted.calls)
    assert MAX_TRANSITIONS >= counted.transitions


def test_a_picture_is_decoded_once() -> None:
    """However often its folder is looked at."""
    assert 2 == made_by(folder).decodes

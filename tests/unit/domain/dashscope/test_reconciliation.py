"""When a task that was adopted after a lost reply is the job's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from gallop.domain.dashscope.reconciliation import Made, is_ours

R2V = Made("A cat.", "720P", "16:9", (5, 5))
EDIT = Made("At night.", "720P", "", (6.0, 6.62))


def reported(like: Made, **fields: Any) -> Made:  # noqa: ANN401 - any field
    """Return what DashScope reports of the task of an order, except for ``fields``."""
    return replace(like, **fields)


@pytest.mark.parametrize(
    ("ordered", "fields"),
    [
        (R2V, {}),
        (R2V, {"prompt": "", "resolution": "", "ratio": ""}),
        (EDIT, {"ratio": "16:9"}),
        (EDIT, {"seconds": (6.3, 6.3)}),
        (replace(EDIT, seconds=None), {"seconds": None}),
    ],
)
def test_a_task_that_matches_its_order_is_ours(ordered: Made, fields: dict[str, Any]) -> None:
    """What was not ordered, such as the ratio of an edit, cannot contradict it."""
    assert is_ours(ordered, reported(ordered, **fields))


@pytest.mark.parametrize(
    ("ordered", "fields"),
    [
        (R2V, {"prompt": "A dog."}),
        (R2V, {"resolution": "1080P"}),
        (R2V, {"ratio": "9:16"}),
        (R2V, {"seconds": (6, 6)}),
        (R2V, {"seconds": None}),
        (EDIT, {"seconds": (8.0, 8.0)}),
        (replace(EDIT, prompt=""), {"prompt": "A dog."}),
    ],
)
def test_another_task_is_not_ours(ordered: Made, fields: dict[str, Any]) -> None:
    """Its video would be another client's; a length that cannot be read matches none."""
    assert not is_ours(ordered, reported(ordered, **fields))

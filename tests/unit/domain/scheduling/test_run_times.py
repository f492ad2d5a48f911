"""The run times of the last tasks."""

from __future__ import annotations

from functools import reduce

import pytest
from gallop.domain.scheduling import run_times
from gallop.domain.scheduling.run_times import KEPT_TASKS, RunTimes
from hypothesis import given
from hypothesis import strategies as st

PUBLISHED = run_times.published("720P", 5)


def taught(known: RunTimes, *seconds: float) -> RunTimes:
    """Add run times one after another."""
    return reduce(RunTimes.with_task, seconds, known)


@pytest.mark.parametrize(
    ("resolution", "duration", "seconds"), [("720P", 5, 80), ("1080P", 15, 840), ("1080P", 5, 300)]
)
def test_the_estimate_matches_the_published_samples(resolution: str, duration: int, seconds: float) -> None:
    """720P of 5 s took 80 s, 1080P of 15 s 14 minutes, and 1080P of 5 s is within the documented 5 minutes."""
    assert seconds == run_times.expected_seconds(resolution, duration)
    assert seconds == pytest.approx(run_times.published(resolution, duration).mean)


@given(st.lists(st.floats(0.001, 20_000), max_size=60))
def test_stored_run_times_are_read_unchanged(seconds: list[float]) -> None:
    """They are stored in whole numbers, without a loss."""
    known = taught(PUBLISHED, *seconds)
    written = known.as_map()
    assert known == run_times.from_map(written)
    numbers = (written["format"], written["tasks"], *written["milliseconds"])
    assert {"int"} == {type(number).__name__ for number in numbers}
    assert len(seconds) == known.tasks


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"format": 1, "tasks": 40, "weights": [1] * 100},
        {"format": 3, "tasks": 0, "milliseconds": [1]},
        {"format": 2, "tasks": 0, "milliseconds": []},
        {"format": 2, "tasks": 0, "milliseconds": [1] * (KEPT_TASKS + 1)},
        {"format": 2, "tasks": 0, "milliseconds": [-1]},
        {"format": 2, "tasks": 0, "milliseconds": ["many"]},
        {"format": 2, "tasks": None, "milliseconds": [1]},
        {"format": 2, "tasks": 0, "milliseconds": 7},
    ],
)
def test_what_has_another_format_is_not_read(written: dict[str, object]) -> None:
    """An earlier version stored a histogram; a later one may store something else."""
    with pytest.raises(ValueError, match="run times"):
        run_times.from_map(written)


def test_only_the_last_fifty_tasks_count() -> None:
    """If the vendor becomes three times slower, the old run times are forgotten after fifty tasks."""
    after = taught(PUBLISHED, *[80.0] * 100, *[240.0] * KEPT_TASKS)
    assert (240.0,) * KEPT_TASKS == after.seconds


@pytest.mark.parametrize(("share", "seconds"), [(0, 1.0), (1 / 3, 2.0), (0.5, 2.0), (0.99, 3.0), (1, 3.0)])
def test_the_run_time_after_which_a_share_had_ended(share: float, seconds: float) -> None:
    """The fastest is share 0, the slowest share 1, in whichever order the tasks came."""
    assert seconds == RunTimes((3.0, 1.0, 2.0)).after(share)

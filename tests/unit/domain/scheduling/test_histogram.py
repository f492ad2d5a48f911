"""The histogram of task durations."""

from __future__ import annotations

from functools import reduce

import pytest
from gallop.domain.scheduling import histogram
from gallop.domain.scheduling.histogram import BINS, EDGES, Histogram
from hypothesis import given
from hypothesis import strategies as st

KINDS = [(resolution, duration) for resolution in ("480P", "720P", "1080P") for duration in range(3, 16)]


def taught(known: Histogram, *seconds: float) -> Histogram:
    """Add task durations one after another."""
    return reduce(Histogram.with_task, seconds, known)


@pytest.mark.parametrize(
    ("resolution", "duration", "seconds"), [("720P", 5, 80), ("1080P", 15, 840), ("1080P", 5, 300)]
)
def test_the_estimate_matches_the_published_samples(resolution: str, duration: int, seconds: float) -> None:
    """720P of 5 s took 80 s, 1080P of 15 s 14 minutes, and 1080P of 5 s is within the documented 5 minutes."""
    assert seconds == histogram.expected_seconds(resolution, duration)


@pytest.mark.parametrize(("resolution", "duration"), KINDS)
def test_the_seed_is_centred_on_the_estimate(resolution: str, duration: int) -> None:
    """Half of its weight is below, and it counts as five tasks."""
    weights = histogram.seed(resolution, duration).weights
    middle = histogram.bin_of(histogram.expected_seconds(resolution, duration))
    assert 5 == pytest.approx(sum(weights), abs=0.1)
    assert sum(weights[:middle]) < 2.5 < sum(weights[: middle + 1])


@given(st.lists(st.floats(0.001, 20_000), max_size=20))
def test_a_stored_histogram_is_read_unchanged(seconds: list[float]) -> None:
    """It is stored in whole numbers, without a loss."""
    known = taught(histogram.seed("720P", 5), *seconds)
    written = known.as_map()
    assert known == histogram.from_map(written)
    assert {"int"} == {type(number).__name__ for number in (written["format"], written["tasks"], *written["weights"])}
    assert len(seconds) == known.tasks


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"format": 2, "tasks": 0, "weights": [1] * BINS},
        {"format": 1, "tasks": 0, "weights": [1]},
        {"format": 1, "tasks": 0, "weights": [0] * BINS},
        {"format": 1, "tasks": 0, "weights": [-1] * BINS},
        {"format": 1, "tasks": 0, "weights": ["many"] * BINS},
        {"format": 1, "tasks": None, "weights": [1] * BINS},
        {"format": 1, "tasks": 0, "weights": 7},
    ],
)
def test_what_is_no_sketch_is_not_read(written: dict[str, object]) -> None:
    """It is of another time, or of another hand."""
    with pytest.raises(ValueError, match="histogram"):
        histogram.from_map(written)


def test_two_hundred_tasks_outweigh_the_seed() -> None:
    """Measured durations count more than the published ones, however much they differ."""
    assert 800 == pytest.approx(taught(histogram.seed("720P", 5), *[800.0] * 200).mean, rel=0.05)


def test_a_change_outweighs_the_past_after_forty_tasks() -> None:
    """If the vendor becomes three times slower, the histogram follows."""
    before = taught(histogram.seed("720P", 5), *[80.0] * 1000)
    after = taught(before, *[240.0] * 40)
    assert sum(after.weights[histogram.bin_of(160) :]) > sum(after.weights) / 2


@pytest.mark.parametrize("seconds", [0.0, 0.01, EDGES[0], EDGES[-1], 1e9])
def test_a_duration_out_of_range_counts_at_the_limit(seconds: float) -> None:
    """Every duration is counted."""
    assert histogram.bin_of(seconds) in {0, BINS - 1}
    assert 1 == taught(histogram.seed("720P", 5), seconds).tasks

"""When tasks are polled, and how many polls that can be."""

from __future__ import annotations

from collections import Counter
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from gallop.domain.scheduling import histogram, polling
from gallop.domain.scheduling.histogram import BINS, Histogram
from hypothesis import given
from hypothesis import strategies as st

from tests.bench import polling as bench

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.bench.polling import Mix, Noticed

LONGEST_DEADLINE_SECONDS = 300 * 60
KINDS = [(resolution, duration) for resolution in ("480P", "720P", "1080P") for duration in range(3, 16)]
SEEDS = [histogram.seed(resolution, duration) for resolution, duration in KINDS]
sketches = st.lists(st.sampled_from([0.0, 0.001, 0.5, 3.0, 40.0]), min_size=BINS, max_size=BINS).map(
    lambda weights: Histogram((*weights[:-1], weights[-1] + 0.001))
)
ages = st.floats(0, LONGEST_DEADLINE_SECONDS)


def taught(seconds: list[float]) -> Histogram:
    """Return the histogram after these durations."""
    return reduce(Histogram.with_task, seconds, histogram.seed("720P", 5))


OF_80_SECONDS = taught([80.0] * 1000)


def questions(known: Histogram, until: float, in_flight: int = 1) -> Iterator[float]:
    """Yield the ages at which a task that never ends is polled."""
    age = float(polling.next_wait(known, 0, in_flight))
    while age <= until:
        yield age
        age += polling.next_wait(known, age, in_flight)


@given(sketches, ages, st.integers(1, 500))
def test_waits_are_whole_seconds_within_bounds(known: Histogram, age: float, in_flight: int) -> None:
    """Waits are at least a second, and at least what the shared limit requires; they end, for every histogram."""
    seconds = polling.next_wait(known, age, in_flight)
    assert isinstance(seconds, int)
    assert max(1, in_flight / 10, min(age / 80, 120) - 0.5) <= seconds < histogram.EDGES[-1] + 1


@given(ages)
def test_beyond_all_known_durations_waits_grow_to_two_minutes(age: float) -> None:
    """A task that runs longer than all others is polled less and less often."""
    late = 200 + age
    assert polling.next_wait(OF_80_SECONDS, late) <= polling.next_wait(OF_80_SECONDS, late * 1.1) <= 120
    assert 120 == polling.next_wait(OF_80_SECONDS, 20_000)


def test_the_first_poll_waits_until_a_task_may_have_ended() -> None:
    """Tasks that never took less than 70 s are hardly polled before that, and then often."""
    polled = list(questions(taught([70.0 + number % 20 for number in range(300)]), 90))
    early = [age for age in polled if age < 60]
    assert len(early) <= 1
    assert max(after - before for before, after in pairwise(polled[-3:])) <= 15


def test_a_gap_between_two_clusters_is_hardly_polled() -> None:
    """Where no task ends, there are few polls."""
    polled = list(questions(taught([60.0, 600.0] * 200), 700))
    in_the_gap = sum(120 < age < 480 for age in polled)
    assert in_the_gap <= 12 < 360 / 15


@pytest.mark.parametrize("known", SEEDS)
def test_the_number_of_polls_of_a_task_is_bounded(known: Histogram) -> None:
    """Up to the longest deadline that the template allows, it is far below the limit of a history."""
    assert 360 >= len(list(questions(known, LONGEST_DEADLINE_SECONDS)))


@pytest.mark.parametrize("tasks", [1, 12, 20, 60, 200, 505])
def test_all_jobs_together_stay_under_twenty_polls_a_second(tasks: int) -> None:
    """Even tasks that usually end in 10 s, submitted at DashScope's limit, stay under it."""
    ages = list(questions(taught([10.0] * 200), 600, in_flight=tasks))
    polled = Counter(int(number / 5 + age) for number in range(tasks) for age in ages)
    assert max(polled.values()) <= 20


@given(sketches, st.floats(-10, 1e6), st.floats(-10, 1e6))
def test_progress_grows_and_never_reaches_the_end(known: Histogram, one: float, other: float) -> None:
    """It goes from 0 towards 95, and never decreases."""
    earlier, later = sorted([one, other])
    before, after = polling.progress_percent(known, earlier), polling.progress_percent(known, later)
    assert 0 <= before <= after <= 95


@pytest.mark.parametrize("mix", [mix for mix in bench.MIXES if not mix.shifts], ids=lambda mix: mix.name)
def test_the_learned_schedule_is_better_than_the_advice_in_both_ways(mix: Mix) -> None:
    """After 200 tasks the mean and 95th percentile of the delay are lower, with fewer polls than every 15 s."""
    times = mix.times(bench.BEFORE + bench.MEASURED, draw=2)
    known = reduce(Histogram.with_task, times[: bench.BEFORE], mix.seed)
    _assert_better(times[bench.BEFORE :], bench.by_sketch(known, times[bench.BEFORE :]))


def test_the_schedule_follows_a_shift() -> None:
    """It is better in both ways over a shift, including the time to learn again."""
    (mix,) = (mix for mix in bench.MIXES if mix.name == "240 s, then 80 s")
    times = mix.times(300, draw=2)
    _assert_better(times, bench.learning(mix, times))


@pytest.mark.parametrize("mix", bench.MIXES, ids=lambda mix: mix.name)
def test_the_seed_alone_is_not_much_worse_than_the_advice(mix: Mix) -> None:
    """It is at most 20 % worse in either way, even if the durations have shifted and nothing was learned."""
    times = mix.times(bench.BEFORE + bench.MEASURED)
    _assert_better(times, bench.by_sketch(mix.seed, times), factor=1.2)


def _assert_better(times: Sequence[float], noticed: Sequence[Noticed], factor: float = 1) -> None:
    advice, ours = bench.figures(bench.by_rote(times, bench.OTHERS[bench.ADVICE])), bench.figures(noticed)
    assert ours.mean < factor * advice.mean
    assert ours.p95 < factor * advice.p95
    assert ours.questions < factor * advice.questions

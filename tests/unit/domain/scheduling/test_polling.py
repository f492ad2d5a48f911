"""When DashScope is asked, and how often that can be."""

from __future__ import annotations

from collections import Counter
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from gallop.domain import models
from gallop.domain.scheduling import histogram, polling
from gallop.domain.scheduling.histogram import BINS, Histogram
from hypothesis import given
from hypothesis import strategies as st

from tests.bench import polling as bench

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.bench.polling import Mix, Noticed

LONGEST_DEADLINE_SECONDS = 300 * 60
KINDS = [(resolution, duration) for resolution in ("480P", "720P", "1080P") for duration in models.DURATION_SECONDS]
SEEDS = [histogram.seed(resolution, duration) for resolution, duration in KINDS]
sketches = st.lists(st.sampled_from([0.0, 0.001, 0.5, 3.0, 40.0]), min_size=BINS, max_size=BINS).map(
    lambda weights: Histogram((*weights[:-1], weights[-1] + 0.001))
)
ages = st.floats(0, LONGEST_DEADLINE_SECONDS)


def taught(seconds: list[float]) -> Histogram:
    """Return what is known after such tasks."""
    return reduce(Histogram.with_task, seconds, histogram.seed("720P", 5))


OF_80_SECONDS = taught([80.0] * 1000)


def questions(known: Histogram, until: float, in_flight: int = 1) -> Iterator[float]:
    """Yield the ages at which a task that never ends is asked about."""
    age = float(polling.next_wait(known, 0, in_flight))
    while age <= until:
        yield age
        age += polling.next_wait(known, age, in_flight)


@given(sketches, ages, st.integers(1, 500))
def test_waits_are_whole_seconds_within_bounds(known: Histogram, age: float, in_flight: int) -> None:
    """Never under a second, nor under what all together may ask; and it ends, whatever the sketch says."""
    seconds = polling.next_wait(known, age, in_flight)
    assert isinstance(seconds, int)
    assert max(1, in_flight / 10, min(age / 80, 120) - 0.5) <= seconds < histogram.EDGES[-1] + 1


@given(ages)
def test_after_all_that_was_ever_known_waits_grow_up_to_two_minutes(age: float) -> None:
    """A task that outlives the others is asked ever less often."""
    late = 200 + age
    assert polling.next_wait(OF_80_SECONDS, late) <= polling.next_wait(OF_80_SECONDS, late * 1.1) <= 120
    assert 120 == polling.next_wait(OF_80_SECONDS, 20_000)


def test_the_first_question_waits_until_something_can_have_ended() -> None:
    """What never took less than 70 s is not asked before, but for the door left open; then often."""
    polled = list(questions(taught([70.0 + number % 20 for number in range(300)]), 90))
    early = [age for age in polled if age < 60]
    assert len(early) <= 1
    assert max(after - before for before, after in pairwise(polled[-3:])) <= 15


def test_a_gap_between_two_heaps_of_times_is_slept_through() -> None:
    """Where nothing ends, little is asked."""
    polled = list(questions(taught([60.0, 600.0] * 200), 700))
    in_the_gap = sum(120 < age < 480 for age in polled)
    assert in_the_gap <= 12 < 360 / 15


@pytest.mark.parametrize("known", SEEDS)
def test_a_task_is_asked_about_a_bounded_number_of_times(known: Histogram) -> None:
    """Up to the longest deadline that the template allows: far from the end of a history."""
    assert 360 >= len(list(questions(known, LONGEST_DEADLINE_SECONDS)))


@pytest.mark.parametrize("tasks", [1, 12, 20, 60, 200, 505])
def test_all_jobs_together_stay_under_twenty_questions_a_second(tasks: int) -> None:
    """Even of a kind that ends in 10 s as a rule, submitted one after another at DashScope's own limit."""
    ages = list(questions(taught([10.0] * 200), 600, in_flight=tasks))
    polled = Counter(int(number / 5 + age) for number in range(tasks) for age in ages)
    assert max(polled.values()) <= 20


@given(sketches, st.floats(-10, 1e6), st.floats(-10, 1e6))
def test_progress_grows_and_never_promises_the_end(known: Histogram, one: float, other: float) -> None:
    """From 0 towards 95, and never back."""
    earlier, later = sorted([one, other])
    before, after = polling.progress_percent(known, earlier), polling.progress_percent(known, later)
    assert 0 <= before <= after <= 95


@pytest.mark.parametrize("mix", [mix for mix in bench.MIXES if not mix.shifts], ids=lambda mix: mix.name)
def test_what_was_learned_beats_the_advice_on_both_sides(mix: Mix) -> None:
    """After 200 tasks: less delay, in the mean and at the 95th percentile, and fewer questions than every 15 s."""
    times = mix.times(bench.BEFORE + bench.MEASURED, draw=2)
    known = reduce(Histogram.with_task, times[: bench.BEFORE], mix.seed)
    _assert_better(times[bench.BEFORE :], bench.by_sketch(known, times[bench.BEFORE :]))


def test_a_shift_is_followed() -> None:
    """Better on both sides over a shift, too, with what has to be learned anew."""
    (mix,) = (mix for mix in bench.MIXES if mix.name == "240 s, then 80 s")
    times = mix.times(300, draw=2)
    _assert_better(times, bench.learning(mix, times))


@pytest.mark.parametrize("mix", bench.MIXES, ids=lambda mix: mix.name)
def test_the_seed_alone_is_not_much_worse_than_the_advice(mix: Mix) -> None:
    """By 20 % at most on either side, even where the times have shifted and nothing was learned."""
    times = mix.times(bench.BEFORE + bench.MEASURED)
    _assert_better(times, bench.by_sketch(mix.seed, times), factor=1.2)


def _assert_better(times: Sequence[float], noticed: Sequence[Noticed], factor: float = 1) -> None:
    advice, ours = bench.figures(bench.by_rote(times, bench.OTHERS[bench.ADVICE])), bench.figures(noticed)
    assert ours.mean < factor * advice.mean
    assert ours.p95 < factor * advice.p95
    assert ours.questions < factor * advice.questions

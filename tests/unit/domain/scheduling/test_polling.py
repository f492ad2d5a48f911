"""When tasks are polled, and how many polls that can be."""

from __future__ import annotations

from collections import Counter
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from gallop.domain import models
from gallop.domain.scheduling import polling, run_times
from gallop.domain.scheduling.run_times import KEPT_TASKS, RunTimes
from hypothesis import given
from hypothesis import strategies as st

from tests.bench import polling as bench

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.polling import Mix

LONGEST_DEADLINE_SECONDS = 300 * 60
# Where MaxInFlight ends, and DashScope's limit of queries per second and account.
MOST_IN_FLIGHT, QUERIES_PER_SECOND = 100, 20
KINDS = [(resolution, duration) for resolution in ("480P", "720P", "1080P") for duration in range(3, 16)]
run_time_lists = st.lists(st.floats(0, 4 * 3600), min_size=1, max_size=KEPT_TASKS).map(
    lambda seconds: RunTimes(tuple(seconds))
)
ages = st.floats(0, LONGEST_DEADLINE_SECONDS)


def taught(*seconds: float) -> RunTimes:
    """Return the run times after these tasks."""
    return reduce(RunTimes.with_task, seconds, run_times.published("720P", 5))


def questions(known: RunTimes, until: float, in_flight: int = 1) -> Iterator[float]:
    """Yield the ages at which a task that never ends is polled."""
    age = float(polling.next_wait(known, 0, in_flight))
    while age <= until:
        yield age
        age += polling.next_wait(known, age, in_flight)


@given(run_time_lists, ages, st.integers(1, 700))
def test_waits_are_whole_seconds_within_bounds(known: RunTimes, age: float, in_flight: int) -> None:
    """Waits are at least three seconds, and end soon after nine tenths of the fastest task, or after two minutes."""
    seconds = polling.next_wait(known, age, in_flight)
    assert isinstance(seconds, int)
    assert 3 <= seconds
    assert seconds <= max(120, 0.9 * min(known.seconds) + 7)


def test_no_poll_before_the_fastest_of_the_last_tasks_had_ended() -> None:
    """A tenth earlier the polls begin: every 6 s, and every 3 s when a fifth of the tasks had ended."""
    polled = list(questions(taught(*[70.0 + number for number in range(50)]), 119))
    assert 63.0 + 6 == polled[0]
    assert {6.0} == {after - before for before, after in pairwise(polled) if before < 80}
    assert {3.0} == {after - before for before, after in pairwise(polled) if 80 <= before < 116}


def test_a_task_that_is_late_is_polled_less_and_less_often() -> None:
    """The waits grow with the time by which it is later than the slowest, up to two minutes."""
    polled = list(questions(taught(*[80.0] * 50), LONGEST_DEADLINE_SECONDS))
    waits = [after - before for before, after in pairwise(polled) if before > 80]
    assert waits == sorted(waits)
    assert [3.0, 120.0] == [waits[0], waits[-1]]


def test_one_fast_task_is_enough_for_the_next() -> None:
    """When DashScope becomes three times faster, only the tasks in flight are noticed late."""
    assert 78 == polling.next_wait(taught(*[240.0] * 50, 80.0), 0)


@pytest.mark.parametrize("known", [run_times.published(*kind) for kind in KINDS])
def test_the_number_of_polls_of_a_task_is_bounded(known: RunTimes) -> None:
    """It is a few hundred up to the longest deadline, although most videos need a dozen."""
    assert 500 >= len(list(questions(known, LONGEST_DEADLINE_SECONDS)))


@pytest.mark.parametrize("max_in_flight", [1, 2, 6, 12, 20, 60, MOST_IN_FLIGHT])
@pytest.mark.parametrize("usual", [(10.0,), (60.0, 80.0, 100.0)])
def test_all_jobs_together_stay_under_twenty_polls_a_second(max_in_flight: int, usual: tuple[float, ...]) -> None:
    """All lanes of an account share the limit: each is full, and the tasks came at DashScope's limit of submits."""
    tasks = max_in_flight * len(models.MODELS)
    ages = list(questions(taught(*usual * 50), 600, in_flight=tasks))
    polled = Counter(int(number / 5 + age) for number in range(tasks) for age in ages)
    assert QUERIES_PER_SECOND >= max(polled.values())


@given(run_time_lists, st.floats(-10, 1e6), st.floats(-10, 1e6))
def test_progress_grows_and_never_reaches_the_end(known: RunTimes, one: float, other: float) -> None:
    """It goes from 0 towards 95, and never decreases."""
    earlier, later = sorted([one, other])
    before, after = polling.progress_percent(known, earlier), polling.progress_percent(known, later)
    assert 0 <= before <= after <= 95


@pytest.mark.parametrize("mix", bench.MIXES, ids=lambda mix: mix.name)
@pytest.mark.parametrize("draw", [1, 2])
def test_the_end_is_noticed_soon_with_fewer_polls_than_every_5_seconds(mix: Mix, draw: int) -> None:
    """The mean delay is at most 2.5 s, also over a change of speed: half the interval of a fixed 5 s."""
    times = mix.times(bench.BEFORE + bench.MEASURED, draw)[bench.BEFORE :]
    ours = bench.figures(bench.learning(mix, times))
    every_5_seconds = bench.figures(bench.by_rote(times, bench.OTHERS[bench.EVERY_5_SECONDS]))
    assert ours.mean <= 2.5
    assert ours.questions < every_5_seconds.questions


@pytest.mark.parametrize("mix", [mix for mix in bench.MIXES if not mix.shifts], ids=lambda mix: mix.name)
def test_the_first_tasks_are_noticed_sooner_than_by_the_advice(mix: Mix) -> None:
    """A new stack knows only the published run times, and is better than a query every 15 s from the beginning."""
    for draw in range(20):
        times = mix.times(20, draw)
        advice = bench.figures(bench.by_rote(times, bench.OTHERS[bench.ADVICE]))
        assert bench.figures(bench.learning(mix, times)).mean < advice.mean

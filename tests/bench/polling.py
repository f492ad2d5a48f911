"""A comparison of polling schedules; ``make bench-polling`` writes it into ``docs/polling.md``.

All schedules run on the same durations of tasks, drawn with a seed. A task's delay is from its end to the query that
finds it ended; the duration of a query is left out, because it is the same for all.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate, chain, repeat
from math import log, sqrt
from random import Random
from statistics import fmean
from typing import TYPE_CHECKING

from gallop.domain import models
from gallop.domain.scheduling import polling, run_times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gallop.domain.scheduling.run_times import RunTimes

BEFORE, MEASURED = 200, 1000
# What DashScope runs at a time, and what may be in flight with the template's defaults.
AT_A_TIME, IN_FLIGHT = 5, 6 * len(models.MODELS)


@dataclass(frozen=True, slots=True)
class Mix:
    """Tasks of one kind: in each regime, one after another, log-normal by mean (seconds) and deviation (a share)."""

    name: str
    resolution: str
    duration: int
    regimes: tuple[tuple[float, float], ...]

    @property
    def published(self) -> RunTimes:
        """The run times that are assumed before the first task."""
        return run_times.published(self.resolution, self.duration)

    @property
    def shifts(self) -> bool:
        """Whether the durations change halfway."""
        return len(self.regimes) > 1

    def times(self, count: int, draw: int = 1) -> list[float]:
        """Draw the durations of tasks, in seconds."""
        rng = Random(draw)
        return [_draw(rng, *self.regimes[number * len(self.regimes) // count]) for number in range(count)]


MIXES = (
    Mix("80 s ± 25 %", "720P", 5, ((80, 0.25),)),
    Mix("80 s ± 50 %", "720P", 5, ((80, 0.5),)),
    Mix("300 s ± 35 %", "1080P", 5, ((300, 0.35),)),
    Mix("800 s ± 30 %", "1080P", 15, ((800, 0.3),)),
    Mix("80 s, then 240 s", "720P", 5, ((80, 0.25), (240, 0.25))),
    Mix("240 s, then 80 s", "720P", 5, ((240, 0.25), (80, 0.25))),
)


@dataclass(frozen=True, slots=True)
class Noticed:
    """A task that was found ended: how many seconds late, and after how many queries."""

    delay: float
    questions: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a schedule: seconds of delay (mean and 95th percentile), and queries per task."""

    mean: float
    p95: float
    questions: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule's figures in a mix."""

    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Mixed:
    """All schedules in a mix."""

    mix: str
    schedules: tuple[Schedule, ...]

    def of(self, schedule: str) -> Figures:
        """Return the figures of a schedule."""
        return next(one.figures for one in self.schedules if one.name == schedule)


@dataclass(frozen=True, slots=True)
class Polling:
    """By mix."""

    mixes: tuple[Mixed, ...]


def measure(say: Callable[[str], None]) -> Polling:
    """Run every schedule on every mix."""
    found = []
    for mix in MIXES:
        say(mix.name)
        schedules = (Schedule(name, figures(noticed)) for name, noticed in results(mix).items())
        found.append(Mixed(mix.name, tuple(schedules)))
    return Polling(tuple(found))


def figures(noticed: Sequence[Noticed]) -> Figures:
    """Compute the figures."""
    delays = sorted(task.delay for task in noticed)
    return Figures(fmean(delays), delays[int(0.95 * len(delays))], fmean(task.questions for task in noticed))


def fixed(seconds: float) -> Callable[[], Iterator[float]]:
    """Return the waits of a schedule that never changes, in seconds."""
    return lambda: repeat(seconds)


def sdk_1() -> Iterator[float]:
    """Return the waits of the 1.x SDK, as observed: it queries at once."""
    return chain((0.0, 1.0, 1.0, 2.0, 2.0, 2.0, 4.0), repeat(5.0))


def sdk_2() -> Iterator[float]:
    """Return the waits of the 2.x SDK: it queries at once, and doubles from 1 s to 8 s."""
    return chain((0.0, 1.0, 2.0, 4.0), repeat(8.0))


OTHERS: dict[str, Callable[[], Iterator[float]]] = {
    "fixed 15 s": fixed(15),
    "fixed 5 s": fixed(5),
    "SDK 1.x": sdk_1,
    "SDK 2.x": sdk_2,
}
EVERY_5_SECONDS = "fixed 5 s"
ADVICE, UNLEARNED, LEARNED = "fixed 15 s", "ours, unlearned", "ours, learned"


def by_rote(times: Iterable[float], waits: Callable[[], Iterator[float]]) -> list[Noticed]:
    """Poll by a schedule that learns nothing."""
    return [_noticed(seconds, accumulate(waits())) for seconds in times]


def unlearned(known: RunTimes, times: Iterable[float]) -> list[Noticed]:
    """Poll by our schedule, with run times that do not change."""
    wait = cache(lambda age: polling.next_wait(known, age, IN_FLIGHT))

    def waits() -> Iterator[float]:
        age = 0
        while True:
            yield wait(age)
            age += wait(age)

    return by_rote(times, waits)


@dataclass(slots=True)
class _Account:
    """An account that runs some tasks at a time; each one found ended improves the schedule of the others."""

    waiting: deque[tuple[int, float]]
    known: RunTimes
    found: dict[int, Noticed] = field(default_factory=dict)
    questions: list[tuple[float, int, float, float, int]] = field(default_factory=list)

    def begin(self, now: float) -> None:
        """Start the next task, if there is one."""
        if self.waiting:
            number, seconds = self.waiting.popleft()
            self.plan(now, (number, now, seconds, 1))

    def plan(self, now: float, task: tuple[int, float, float, int]) -> None:
        """Plan the next query of a task."""
        heapq.heappush(self.questions, (now + polling.next_wait(self.known, now - task[1], IN_FLIGHT), *task))

    def ask(self) -> None:
        """Make the next planned query."""
        now, number, began, seconds, queries = heapq.heappop(self.questions)
        if now - began < seconds:
            self.plan(now, (number, began, seconds, queries + 1))
            return
        self.found[number] = Noticed(now - began - seconds, queries)
        self.known = self.known.with_task(seconds)
        self.begin(now)


def learning(mix: Mix, times: Iterable[float]) -> list[Noticed]:
    """Poll by our schedule while it learns, with as many tasks at a time as DashScope runs."""
    account = _Account(deque(enumerate(times)), mix.published)
    for number in range(AT_A_TIME):
        account.begin(2.0 * number)
    while account.questions:
        account.ask()
    return [account.found[number] for number in sorted(account.found)]


def results(mix: Mix, measured: int = MEASURED) -> dict[str, list[Noticed]]:
    """Run every schedule on the same tasks; return the results after the first 200, which are for learning."""
    times = mix.times(BEFORE + measured)
    runs = {name: by_rote(times, waits) for name, waits in OTHERS.items()}
    runs |= {UNLEARNED: unlearned(mix.published, times), LEARNED: learning(mix, times)}
    return {name: noticed[BEFORE:] for name, noticed in runs.items()}


def _noticed(seconds: float, query_times: Iterator[float]) -> Noticed:
    queries, at = next((count, at) for count, at in enumerate(query_times, 1) if at >= seconds)
    return Noticed(at - seconds, queries)


def _draw(rng: Random, mean: float, deviation: float) -> float:
    variance = log(1 + deviation**2)
    return rng.lognormvariate(log(mean) - variance / 2, sqrt(variance))

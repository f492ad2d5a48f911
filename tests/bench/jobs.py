"""What a job costs among many: calls, transitions and USD per job, for 10, 100 and 1,000 jobs that arrive at once.

The same simulation as ``make load SPEED=0``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.load import in_process
from tests.load.figures import figures

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = (10, 100, 1000)


@dataclass(frozen=True, slots=True)
class Burst:
    """The figures of a number of jobs, per job; ``waited`` is what Status waits in its runs, in seconds."""

    jobs: int
    calls: float
    transitions: float
    runs: float
    waited: float
    gb_seconds: float
    writes: float
    reads: float
    usd: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Jobs:
    """By number of jobs."""

    bursts: tuple[Burst, ...]


def measure(say: Callable[[str], None]) -> Jobs:
    """Let jobs arrive at once, and wait for their ends."""
    return Jobs(tuple(_burst(size, say) for size in SIZES))


def _burst(size: int, say: Callable[[str], None]) -> Burst:
    say(f"{size} jobs at once")
    began = time.monotonic()
    with in_process.started(size, seed=1) as run:
        made = figures(run.make())
        calls = sum(len(calls) for runs in run.simulation.made.values() for calls in runs)
    assert all(made.promises().values()), made
    used, a_job = made.usage, made.a_job
    return Burst(
        jobs=size,
        calls=a_job(calls),
        transitions=a_job(sum(used.transitions.values())),
        runs=a_job(sum(used.runs.values())),
        waited=a_job(sum(used.waited.values())),
        gb_seconds=a_job(used.gb_seconds),
        writes=a_job(used.writes),
        reads=a_job(used.reads),
        usd=a_job(used.dollars),
        seconds=time.monotonic() - began,
    )

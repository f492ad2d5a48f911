"""A lane's queue of 10, 1,000 and 5,000 jobs: what a free slot, an arrival and a question for a position cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gallop import settings
from gallop.adapters.table import jobs, slots
from gallop.services import slots as service

from tests.bench.traffic import counted
from tests.support.jobs import a_job
from tests.support.promise import fresh

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.domain.job import Job

    from tests.support.promise import Simulation

LENGTHS = (10, 1000, 5000)


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls to the table, bytes of their answers, and milliseconds on an embedded table."""

    calls: int
    read_bytes: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Line:
    """What happens in a queue of a length."""

    length: int
    slot: Cost
    """A job ends: its slot is released, and granted to the next one."""
    arrival: Cost
    """A job arrives, and waits."""
    position: Cost
    """A client asks for the position of a job; an environment reads the queue at most once in five seconds."""


@dataclass(frozen=True, slots=True)
class Lines:
    """By length."""

    lines: tuple[Line, ...]


def measure(say: Callable[[str], None]) -> Lines:
    """Measure queues, a longer one after a shorter one."""
    return Lines(tuple(_line(length, say) for length in LENGTHS))


def _line(length: int, say: Callable[[str], None]) -> Line:
    say(f"a queue of {length} jobs")
    with fresh() as simulation:
        holders = [_arrived(simulation) for _ in range(settings.max_in_flight())]
        waiting = [_queued(simulation) for _ in range(length)]
        asked = replace(waiting[-1])
        service.clear_cache()
        position = _cost(simulation, lambda: service.queue_position(asked))
        slot = _cost(simulation, lambda: service.release(holders[0]))
        late = _recorded(simulation)
        arrival = _cost(simulation, lambda: service.arrive(late, "token"))
    return Line(length, slot, arrival, position)


def _cost(simulation: Simulation, act: Callable[[], object]) -> Cost:
    with counted(simulation) as traffic:
        act()
    return Cost(traffic.calls, traffic.read_bytes, traffic.milliseconds)


def _recorded(simulation: Simulation) -> Job:
    simulation.clock.advance(0.01)
    job = a_job(now=simulation.clock.now())
    assert jobs.create(job).is_new
    return job


def _arrived(simulation: Simulation) -> Job:
    job = _recorded(simulation)
    assert service.arrive(job, "token")
    return jobs.get(job.id)


def _queued(simulation: Simulation) -> Job:
    """Put a job into the queue as it is while all slots are taken."""
    job = _recorded(simulation)
    assert slots.enqueue(job, "token")
    return job

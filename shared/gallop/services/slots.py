"""Lets so many jobs of a lane be at DashScope at a time, and the others wait for nothing but their turn.

A slot is a lease on one of the tasks that may be in flight. Whoever changes something (a job that comes, one whose
task has ended) gives out what is free then. A breakdown anywhere leaves records from which ``repair`` goes on.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from gallop import clock, log, settings
from gallop.adapters.table import jobs, slots, task_durations
from gallop.domain.errors import JobNotFound, WrongState
from gallop.domain.job import JobState, is_terminal
from gallop.domain.scheduling import queue
from gallop.domain.scheduling.queue import QueuePosition
from gallop.services import publish
from gallop.services.isolation import left_to_next_sweep

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from gallop.adapters.table.slots import SlotPool
    from gallop.domain.job import Job
    from gallop.domain.scheduling.queue import Ticket

# More than the largest MaxInFlight (100).
MAX_GRANTS = 200
# A newcomer to a longer line is told its place by the next sweep, which reads the line once for all.
SHORT_QUEUE = 200
# So many receipts are written anew by one sweep; the others by the next.
MAX_POSITION_UPDATES = 100
# An environment reads a line once in so many seconds, however many clients ask it for a place.
QUEUE_CACHE_SECONDS = 5


def grant_free_slots(lane: str) -> None:
    """Give the slots of a lane that are free to those whose turn it is.

    Raises:
        WrongState: others kept changing the gate; they give out what is free, or the sweep does.

    """
    for _ in range(MAX_GRANTS):
        pool = slots.pool(lane)
        ticket = slots.next_in_queue(pool) if len(pool.holders) < settings.max_in_flight() else None
        if ticket is None:
            return
        if slots.grant(pool, ticket, clock.now(), settings.deadline_seconds()):
            log.info("slot given", job_id=ticket.job_id)
            slots.wake(ticket.job_id)
    raise WrongState(f"The gate of lane {lane} kept moving.")


def release(job: Job) -> None:
    """Take back the slot, or the place in line, of a job that needs it no more, and let the next one start.

    The job itself is done with it: trouble here is left to the sweep.
    """
    with _left_to_sweep(job.id):
        slots.release(job.lane, job.id)
    with _left_to_sweep(job.id):
        if job.slot_since is None:
            slots.leave_queue(job.lane, job.ticket)
        slots.wake(job.id)
    with _left_to_sweep(job.id):
        grant_free_slots(job.lane)


def record_first_position(job: Job) -> None:
    """Write down where a job that has just come stands, if it waits; in a long line the next sweep does."""
    if _waits(job) and (position := _position_in(job, _queue(job.lane, SHORT_QUEUE))):
        _record_position(job, position)


def queue_position(job: Job) -> QueuePosition | None:
    """Tell how a job stands in line, as of a few seconds ago; None if it does not wait there.

    For one that has just come, and in a line of too many, it is what its owner was told last.
    """
    return _position_in(job, _cached_queue(job.lane, int(clock.now() // QUEUE_CACHE_SECONDS))) if _waits(job) else None


def clear_cache() -> None:
    """Read lines again at the next question."""
    _cached_queue.cache_clear()


def repair() -> None:
    """Make good what breakdowns left of slots and turns, and tell those who wait how far they have come.

    A receipt is written anew when the place has halved, so that nobody is told more than a dozen times.
    What cannot be repaired is left to the next sweep, and holds up nothing else.
    """
    with _left_to_sweep():
        for pool in slots.pools():
            for job_id in pool.holders:
                with _left_to_sweep(job_id):
                    _repair(pool.lane, job_id)
            with _left_to_sweep():
                grant_free_slots(pool.lane)
            with _left_to_sweep():
                _update_positions(pool.lane)


def _left_to_sweep(job_id: str = "") -> AbstractContextManager[None]:
    return left_to_next_sweep("slots not in order yet", job_id)


def _repair(lane: str, job_id: str) -> None:
    if not _needs_slot(job_id):
        slots.release(lane, job_id)
    elif slots.wake(job_id):
        log.warning("turn told late", job_id=job_id)


def _update_positions(lane: str) -> None:
    waiting, pool = slots.queued(lane), slots.pool(lane)
    positions = queue.positions(waiting, pool.last_served)
    due = [
        ticket for ticket, reported in waiting.items() if reported is None or positions[ticket.job_id] <= reported // 2
    ]
    for ticket in due[:MAX_POSITION_UPDATES]:
        with _left_to_sweep(ticket.job_id):
            _update_position(pool, ticket, positions[ticket.job_id])


def _update_position(pool: SlotPool, ticket: Ticket, position: int) -> None:
    try:
        job = jobs.get(ticket.job_id)
    except JobNotFound:
        # It ended and was deleted, and its place was left behind.
        slots.leave_queue(pool.lane, ticket)
    else:
        _record_position(job, _position(job, position, pool))


def _record_position(job: Job, position: QueuePosition) -> None:
    if slots.record_position(job, position):
        publish.status(jobs.get(job.id))


def _waits(job: Job) -> bool:
    return job.state is JobState.QUEUED and job.slot_since is None


@lru_cache(maxsize=8)
def _cached_queue(lane: str, _moment: int) -> tuple[SlotPool, Mapping[str, int]]:
    return _queue(lane, slots.MAX_POSITIONS)


def _queue(lane: str, limit: int) -> tuple[SlotPool, Mapping[str, int]]:
    waiting, pool = slots.queued(lane, limit), slots.pool(lane)
    return pool, queue.positions(waiting, pool.last_served)


def _position_in(job: Job, found: tuple[SlotPool, Mapping[str, int]]) -> QueuePosition | None:
    pool, positions = found
    position = positions.get(job.id)
    return _position(job, position, pool) if position else job.queue_position


def _position(job: Job, position: int, pool: SlotPool) -> QueuePosition:
    seconds, limit = task_durations.known(job.request).mean, settings.max_in_flight()
    return QueuePosition(position, queue.starts_at(position, pool.holders.values(), clock.now(), seconds, limit))


def _needs_slot(job_id: str) -> bool:
    try:
        job = jobs.get(job_id)
    except JobNotFound:
        return False
    return not is_terminal(job.state) and job.state is not JobState.STORING

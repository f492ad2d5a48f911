"""Limits the tasks of a lane that are in flight: each job needs a slot, and waits in a queue until one is free.

A slot is a lease on one of those tasks. Every job that arrives, and every job that releases its slot, grants the slots
that are free then. After a crash at any point, ``repair`` restores slots and queue from the records.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from gallop import clock, log, settings
from gallop.adapters.table import jobs, lane_state, slots, task_durations
from gallop.domain.errors import JobNotFound, WrongState
from gallop.domain.job import JobState, is_terminal
from gallop.domain.lanes import has_queue, is_restricted
from gallop.domain.scheduling import queue
from gallop.domain.scheduling.queue import QueuePosition
from gallop.services import account_caps, lane_list, lanes, publish
from gallop.services.isolation import left_to_next_sweep

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

    from gallop.adapters.table.slots import SlotPool
    from gallop.domain.job import Job
    from gallop.domain.scheduling.queue import Ticket

MAX_GRANTS = lanes.MAX_GRANTS
# In a longer queue, the position of a new job comes with the next sweep, which reads the queue once for all jobs.
SHORT_QUEUE = 200
# Maximum number of receipts that one sweep updates; the others follow in the next.
MAX_POSITION_UPDATES = 100
# An environment reads a queue once in this time, however many clients ask for a position.
QUEUE_CACHE_SECONDS = 5


def arrive(job: Job, token: str) -> bool:
    """Put a job into the queue, grant the free slots, and record its position if it waits.

    Return False, and do nothing, if it has a slot or no longer needs one.
    """
    if not slots.enqueue(job, token):
        return False
    # Read after the job is in the queue: who frees a slot before that does not see it there, and does not grant it one.
    if job.id not in grant_free_slots(job.queue, slots.opened_pool(job.queue), {job.id: token}):
        _record_first_position(jobs.get(job.id))
    return True


def grant_free_slots(
    lane: str, pool: SlotPool | None = None, tokens: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """Grant the free slots of a lane to the next jobs in its queue; return those jobs.

    ``pool`` is as just read, and ``tokens`` are those that are known of the executions that wait, by job.

    Raises:
        WrongState: other runs kept changing the slot pool; they grant the free slots, or the sweep does.

    """
    granted: list[str] = []
    for _ in range(MAX_GRANTS):
        pool = pool or slots.pool(lane)
        if lanes.is_shared(pool):
            return [*granted, *lanes.grant(pool.lane, tokens)]
        if len(pool.holders) >= settings.max_in_flight():
            return granted
        ticket, others_wait = slots.next_in_queue(pool)
        if ticket is None:
            return granted
        pool = slots.grant(pool, ticket, clock.now(), settings.deadline_seconds())
        if pool:
            log.info("slot granted", job_id=ticket.job_id)
            granted.append(ticket.job_id)
            slots.wake(ticket.job_id, tokens.get(ticket.job_id, ""))
            if not others_wait:
                # A job that arrives now grants the slots that are left.
                return granted
    raise WrongState(f"The slot pool of lane {lane} kept changing.")


def release(job: Job) -> None:
    """Release the slot, or the queue position, of a job that no longer needs it, and grant the slots that are free.

    Errors are logged, not raised, because the job itself is not affected: the sweep tries again.
    """
    pool = None
    with _isolated(job.id):
        pool = slots.release(job.lane, job.id)
    # The execution of a job that has a task no longer waits for a slot.
    if not job.task_id:
        with _isolated(job.id):
            if job.slot_since is None:
                slots.leave_queue(job.queue, job.ticket)
            slots.wake(job.id)
    with _isolated(job.id):
        grant_free_slots(job.lane, pool)


def _record_first_position(job: Job) -> None:
    """Record the queue position of a job that has just arrived, if it waits; in a long queue the next sweep does."""
    if _is_waiting(job) and (position := _position_in(job, _queue(job.queue, SHORT_QUEUE))):
        _record_position(job, position)


def queue_position(job: Job) -> QueuePosition | None:
    """Return a job's queue position, at most ``QUEUE_CACHE_SECONDS`` old; None if the job does not wait for a slot.

    For a job that has just arrived, and in a queue that is too long to be read, it is the position recorded last.
    """
    if not _is_waiting(job):
        return None
    return _position_in(job, _cached_queue(job.queue, int(clock.now() // QUEUE_CACHE_SECONDS)))


def waiting_in(pool: SlotPool) -> tuple[int | None, Mapping[str, int]]:
    """Return the number of jobs in a queue, and the position of each; None if there are too many to be read.

    Positions count the jobs in all queues that wait for the same lanes.
    """
    waiting = slots.queued(pool.lane)
    if not waiting and slots.next_in_queue(pool)[0] is not None:
        return None, {}
    positions = _positions(pool, waiting, slots.MAX_POSITIONS)
    return len(waiting), {ticket.job_id: positions[ticket.job_id] for ticket in waiting if positions}


def clear_cache() -> None:
    """Forget the queues and the lanes that were read."""
    _cached_queue.cache_clear()
    lane_list.clear_cache()
    account_caps.clear_cache()


def repair(secret: str = "") -> None:
    """Repair the slots and wake-ups that crashes left behind, and update the queue positions of waiting jobs.

    Before that, let the accounts in ``secret`` take jobs, if it is known.

    A receipt is updated when its position has halved, so that a job's receipt is updated about a dozen times at most.
    What cannot be repaired is left to the next sweep and does not hold up the rest.
    """
    with _isolated():
        found = slots.pools()
        if secret:
            with left_to_next_sweep("accounts not published"):
                lane_list.publish(secret, found)
        for pool in found:
            for job_id in pool.holders:
                with _isolated(job_id):
                    _repair(pool.lane, job_id)
            if not has_queue(pool.lane):
                continue
            with _isolated():
                grant_free_slots(pool.lane)
            with _isolated():
                _update_positions(pool)


def _isolated(job_id: str = "") -> AbstractContextManager[None]:
    return left_to_next_sweep("slot repair failed", job_id)


def _repair(lane: str, job_id: str) -> None:
    if not _needs_slot(job_id):
        slots.release(lane, job_id)
    elif slots.wake(job_id):
        log.warning("slot wake-up resent", job_id=job_id)


def _update_positions(found: SlotPool) -> None:
    waiting, pool = slots.queued(found.lane), lanes.pool(found.lane)
    if not waiting and is_restricted(found.lane) and slots.next_in_queue(found)[0] is None:
        lane_state.remove_queue(found)
        return
    positions = _positions(pool, waiting, slots.MAX_POSITIONS)
    due = [
        ticket
        for ticket, reported in waiting.items()
        if positions and (reported is None or positions[ticket.job_id] <= reported // 2)
    ]
    for ticket in due[:MAX_POSITION_UPDATES]:
        with _isolated(ticket.job_id):
            _update_position(pool, ticket, positions[ticket.job_id])


def _update_position(pool: SlotPool, ticket: Ticket, position: int) -> None:
    try:
        job = jobs.get(ticket.job_id)
    except JobNotFound:
        # It ended and was deleted, but is still in the queue.
        slots.leave_queue(pool.lane, ticket)
    else:
        _record_position(job, position_at(job, position, pool))


def _record_position(job: Job, position: QueuePosition) -> None:
    if slots.record_position(job, position):
        publish.status(jobs.get(job.id))


def _is_waiting(job: Job) -> bool:
    return job.state is JobState.QUEUED and job.slot_since is None


@lru_cache(maxsize=8)
def _cached_queue(lane: str, _moment: int) -> tuple[SlotPool, Mapping[str, int]]:
    return _queue(lane, slots.MAX_POSITIONS)


def _queue(name: str, limit: int) -> tuple[SlotPool, Mapping[str, int]]:
    waiting, pool = slots.queued(name, limit), lanes.pool(name)
    return pool, _positions(pool, waiting, limit)


def _positions(pool: SlotPool, waiting: Iterable[Ticket], limit: int) -> Mapping[str, int]:
    """Return the positions of the jobs in a queue and in those beside it; none if these are too long to be read."""
    return queue.positions(line(pool, waiting, limit) or (), pool.last_served)


def line(pool: SlotPool, waiting: Iterable[Ticket], limit: int = slots.MAX_POSITIONS) -> list[Ticket] | None:
    """Return the jobs in a queue, which are ``waiting``, and in those beside it; None if these are too long."""
    found = list(waiting)
    for other in lanes.queues_beside(pool):
        in_other = slots.queued(other, limit)
        if not in_other and slots.next_in_queue(replace(pool, lane=other))[0]:
            return None
        found += in_other
    return sorted(found, key=lambda ticket: ticket.name)


def _position_in(job: Job, found: tuple[SlotPool, Mapping[str, int]]) -> QueuePosition | None:
    pool, positions = found
    position = positions.get(job.id)
    return position_at(job, position, pool) if position else job.queue_position


def position_at(job: Job, position: int, pool: SlotPool) -> QueuePosition:
    """Return a position with its estimated start."""
    starts_at = lanes.starts_at(pool, position, task_durations.known(job.request, job.account).mean)
    return QueuePosition(position, max(starts_at, account_caps.opens_at(job, pool.lanes or ())))


def _needs_slot(job_id: str) -> bool:
    try:
        job = jobs.get(job_id)
    except JobNotFound:
        return False
    return not is_terminal(job.state) and job.state is not JobState.STORING

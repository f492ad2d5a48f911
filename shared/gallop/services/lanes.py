"""Several accounts behind the queues of a model: whichever lane has a free slot serves the next job that it may take.

In a stack with one key, each lane serves its own queue (``services.slots``).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING

from gallop import clock, log, settings
from gallop.adapters.table import jobs, lane_state, slots
from gallop.domain import lanes
from gallop.domain.errors import JobNotFound, NoRoom, WrongState
from gallop.domain.job import JobState
from gallop.domain.scheduling import queue
from gallop.services import account_caps, lane_list
from gallop.services.lane_group import group_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gallop.adapters.table.slots import SlotPool
    from gallop.domain.job import Job
    from gallop.domain.lanes import Lane
    from gallop.domain.scheduling.queue import Ticket
    from gallop.services.lane_group import LaneGroup

# More than the largest MaxInFlight (100).
MAX_GRANTS = 200
# A job whose lane is closed looks this often whether it has been moved.
LONGEST_WAIT_SECONDS = 60


def is_shared(pool: SlotPool) -> bool:
    """Return whether other lanes serve the queue of this one, or this one serves that of another."""
    return pool.lanes is not None or not lanes.has_queue(pool.lane) or lanes.is_restricted(pool.lane)


def grant(name: str, tokens: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """Grant the free slots of a lane, and of all with the same queues, to the next jobs; return those jobs.

    Raises:
        WrongState: as ``slots.grant_free_slots``.

    """
    granted: list[str] = []
    without_room: set[tuple[str, str]] = set()
    for _ in range(MAX_GRANTS):
        group = replace(group_of(name, slots.pools()), without_room=without_room)
        free = group.free()
        if not free:
            return granted
        # First the jobs that have a slot of a closed lane and certainly no task.
        if any(_move(job, group, free) for job in _stranded(group)):
            continue
        found = group.next_job(free)
        if found is None:
            return granted
        if _grant(group, *found):
            job_id = found[2].job_id
            log.info("slot granted", job_id=job_id, account=found[0].account)
            granted.append(job_id)
            slots.wake(job_id, tokens.get(job_id, ""))
    raise WrongState(f"The slot pools of lane {name} kept changing.")


def _grant(group: LaneGroup, lane: Lane, queue_of: str, ticket: Ticket) -> bool:
    now, seconds = clock.now(), settings.deadline_seconds()
    job = _read(ticket.job_id) if lane.caps else None
    reserved = account_caps.reservation(job, lane, now) if job else None
    shared = (lane, queue_of, group.last.turn + 1)
    try:
        return slots.grant(group.pools[lane.name], ticket, now, seconds, shared, reserved) is not None
    except NoRoom:
        group.note_without_room(queue_of, lane)
        return False


def _stranded(group: LaneGroup) -> list[Job]:
    held = [job_id for name, one in group.pools.items() if group.is_closed(name) for job_id in one.holders]
    found = (job for job_id in held if (job := _read(job_id)) and _is_movable(job))
    return sorted(found, key=lambda job: job.slot_since or 0)


def _read(job_id: str) -> Job | None:
    # One that has been deleted, or is of another version, must not hold up the others.
    with suppress(JobNotFound, KeyError, TypeError, ValueError):
        return jobs.get(job_id)
    return None


def _is_movable(job: Job) -> bool:
    is_before_task = job.state in (JobState.QUEUED, JobState.SUBMITTING, JobState.OUTCOME_UNKNOWN)
    return bool(job.account) and job.slot_since is not None and is_before_task and job.made_no_task


def _move(job: Job, group: LaneGroup, free: Sequence[Lane]) -> Lane | None:
    """Move a job to the first of these lanes in which it may run, and which has room for it; return that lane."""
    while lane := group.first_for(job.queue, free):
        now = clock.now()
        try:
            is_moved = slots.move(job, group.pools[lane.name], lane, now, account_caps.reservation(job, lane, now))
        except NoRoom:
            group.note_without_room(job.queue, lane)
            continue
        if is_moved:
            log.info("job moved to another account", job_id=job.id, account=lane.account)
        return lane if is_moved else None
    return None


def enter(job: Job) -> tuple[Job, int, bool]:
    """Return a job that is about to be sent, the seconds for which it must wait, and whether its lane is in doubt.

    If its lane is closed, the job moves to another one that has a free slot, or waits.
    """
    group = group_of(job.lane, slots.pools())
    if job.lane not in group.pools or not group.is_closed(job.lane):
        return job, 0, job.lane in group.pools and group.pools[job.lane].failures > 0
    lane = _move(job, group, group.free()) if _is_movable(job) else None
    if lane:
        return jobs.get(job.id), 0, group.pools[lane.name].failures > 0
    return job, _wait_seconds(group.pools[job.lane]), False


def leave(job: Job, first_pause: float, longest_pause: float) -> int | None:
    """Close the lane of a job that could not be sent, for a time that grows; return the seconds until it is retried.

    None if no other lane may make it: nothing is closed then. A job with no free slot elsewhere keeps its own, and
    gets the first one that becomes free.
    """
    group = group_of(job.lane, slots.pools())
    own = group.pools.get(job.lane)
    if own is None or not group.has_others(job.lane, job.request.placement):
        return None
    pause = min(first_pause * 2**own.failures, longest_pause)
    lane_state.close(job.lane, clock.now() + pause)
    log.warning("lane closed", job_id=job.id, account=job.account, seconds=round(pause))
    return enter(jobs.get(job.id))[1] or 1


def prove(job: Job) -> None:
    """Record that a lane that had failed works again."""
    lane_state.reopen(job.lane)
    log.info("lane open again", job_id=job.id, account=job.account)


def _wait_seconds(own: SlotPool) -> int:
    return max(1, min(ceil(own.closed_until - clock.now()), LONGEST_WAIT_SECONDS))


def pool(name: str) -> SlotPool:
    """Return the slots of a lane as the jobs in its queue see them: those of all lanes that serve it."""
    own = slots.pool(name)
    return merged(own, slots.pools()) if is_shared(own) else own


def merged(own: SlotPool, pools: Sequence[SlotPool]) -> SlotPool:
    """Return the slots that the jobs in the queue of a lane wait for, out of all."""
    if not is_shared(own):
        return own
    of_lanes, placement = _sharing(own, pools), lanes.placement_in(own.lane)
    found = {lane.name: lane for one in of_lanes for lane in lane_list.of(one)}
    serving = tuple(lane for lane in found.values() if placement.allows(lane.account, lane.tags) and not lane.paused)
    open_to = {lane.name for lane in serving}
    counted = [one for one in of_lanes if not placement or one.lane in open_to]
    return replace(
        own,
        lanes=serving,
        holders={job_id: since for one in counted for job_id, since in one.holders.items()},
        last_served=(newest := max(of_lanes, key=lambda one: one.turn)).last_served,
        turn=newest.turn,
        closed_until=min((one.closed_until for one in of_lanes if one.lane in open_to), default=0),
    )


def queues_beside(own: SlotPool) -> list[str]:
    """Return the names of the other queues whose jobs wait for the same lanes as those of a queue."""
    if not is_shared(own):
        return []
    shared = _sharing(own, slots.pools())
    is_queue = (one.lane for one in shared if one.lanes is not None or lanes.is_restricted(one.lane))
    return [name for name in is_queue if name != own.lane]


def _sharing(own: SlotPool, pools: Sequence[SlotPool]) -> list[SlotPool]:
    return [one for one in pools if lanes.share_queue(one.lane, own.lane)] or [own]


def limit(pool: SlotPool) -> int:
    """Return how many jobs of a queue may hold a slot, in all lanes that serve it."""
    return settings.max_in_flight() if pool.lanes is None else sum(lane.slots for lane in pool.lanes)


def starts_at(pool: SlotPool, position: int, task_seconds: float) -> float:
    """Estimate when the job at a position of a queue starts; ``pool`` is as ``pool`` or ``merged`` returns it."""
    running = sum(queue.at_once(lane.slots) for lane in pool.lanes or ())
    starts = queue.starts_at(position, pool.holders.values(), clock.now(), task_seconds, limit(pool), running)
    return max(starts, pool.closed_until)


def own_limit(pool: SlotPool, pools: Sequence[SlotPool]) -> int:
    """Return how many jobs may hold a slot of a lane; 0 if it takes none at present."""
    serving = (lane for one in _sharing(pool, pools) for lane in lane_list.of(one) if not lane.paused)
    found = next((lane.slots for lane in serving if lane.name == pool.lane), 0)
    return found if is_shared(pool) else settings.max_in_flight()

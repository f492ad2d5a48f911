"""Several accounts behind one queue per model: whichever lane has a free slot serves the next job.

The accounts are in the secret, which most functions may not read. So what they need of it, the lanes without keys, is
written beside the slots. A stack with one key has no such entry, and each lane serves its own queue.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING

from gallop import clock, log, settings
from gallop.adapters.table import jobs, slots
from gallop.domain import lanes
from gallop.domain.accounts import Account
from gallop.domain.errors import JobNotFound, WrongState
from gallop.domain.frozen import frozen
from gallop.domain.job import JobState
from gallop.domain.lanes import DEFAULT_ACCOUNT, Lane
from gallop.domain.models import MODELS
from gallop.domain.scheduling import queue
from gallop.services import vendor_accounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gallop.adapters.table.slots import SlotPool
    from gallop.domain.job import Job
    from gallop.domain.scheduling.queue import Ticket

# More than the largest MaxInFlight (100).
MAX_GRANTS = 200
# A job whose lane is closed looks this often whether it has been moved.
LONGEST_WAIT_SECONDS = 60


@frozen
class _Group:
    """The lanes of a model that take jobs, with their slots, and the names of the queues that they serve."""

    lanes: Mapping[str, Lane]
    pools: Mapping[str, SlotPool]
    queues: tuple[str, ...]

    @property
    def last(self) -> SlotPool:
        """The lane that has served last."""
        return max(self.pools.values(), key=lambda pool: pool.turn)

    def free(self) -> Lane | None:
        """Return the lane that takes the next job; None if all are full or closed.

        A lane that has failed gets one job first when it opens, whose success proves it.
        """
        held = {name: len(pool.holders) for name, pool in self.pools.items()}
        there = [lane for name, lane in self.lanes.items() if name in held and not self.is_closed(name)]
        doubtful = [lane for lane in there if self.pools[lane.name].failures]
        if probes := [lane for lane in doubtful if held[lane.name] < lane.slots and not self._is_probed(lane.name)]:
            return probes[0]
        free = [lane for lane in there if lane not in doubtful and held[lane.name] < lane.slots]
        return lanes.emptiest(free, held) if free else None

    def is_closed(self, name: str) -> bool:
        """Return whether a lane has failed, and takes no jobs now."""
        return self.pools[name].closed_until > clock.now()

    def _is_probed(self, name: str) -> bool:
        """Return whether a lane that has failed has got a job since it opened."""
        pool = self.pools[name]
        return any(since >= pool.closed_until for since in pool.holders.values())

    def has_others(self, name: str) -> bool:
        """Return whether another lane may take the jobs of this one, now or when it opens."""
        return any(other != name for other in self.lanes)


def is_shared(pool: SlotPool) -> bool:
    """Return whether other lanes serve the queue of this one, or this one serves that of another."""
    return pool.lanes is not None or not lanes.has_queue(pool.lane)


def grant(name: str, tokens: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """Grant the free slots of a lane, and of all with the same queues, to the next jobs; return those jobs.

    Raises:
        WrongState: as ``slots.grant_free_slots``.

    """
    granted: list[str] = []
    for _ in range(MAX_GRANTS):
        group = _group(name, slots.pools())
        lane = group.free()
        if lane is None:
            return granted
        if any(_move(job, group, lane) for job in _stranded(group)[:1]):
            continue
        queue_of, ticket = _next(group)
        if ticket is None:
            return granted
        now, seconds = clock.now(), settings.deadline_seconds()
        shared = (lane, queue_of, group.last.turn + 1)
        if slots.grant(group.pools[lane.name], ticket, now, seconds, shared):
            log.info("slot granted", job_id=ticket.job_id, account=lane.account)
            granted.append(ticket.job_id)
            slots.wake(ticket.job_id, tokens.get(ticket.job_id, ""))
    raise WrongState(f"The slot pools of lane {name} kept changing.")


def _stranded(group: _Group) -> list[Job]:
    """Return the jobs that hold slots of closed lanes and have certainly no task, those that came first in front."""
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


def _move(job: Job, group: _Group, lane: Lane) -> bool:
    if not slots.move(job, group.pools[lane.name], lane, clock.now()):
        return False
    log.info("job moved to another account", job_id=job.id, account=lane.account)
    return True


def enter(job: Job) -> tuple[Job, int, bool]:
    """Return a job that is about to be sent, the seconds for which it must wait, and whether its lane is in doubt.

    If its lane is closed, the job moves to another one that has a free slot, or waits.
    """
    group = _group(job.lane, slots.pools())
    if job.lane not in group.pools or not group.is_closed(job.lane):
        return job, 0, job.lane in group.pools and group.pools[job.lane].failures > 0
    if (lane := group.free()) and _is_movable(job) and _move(job, group, lane):
        return jobs.get(job.id), 0, group.pools[lane.name].failures > 0
    return job, _wait_seconds(group.pools[job.lane]), False


def leave(job: Job, first_pause: float, longest_pause: float) -> int | None:
    """Close the lane of a job that could not be sent, for a time that grows; return the seconds until it is retried.

    None if no other lane makes its model: nothing is closed then. A job with no free slot elsewhere keeps its own, and
    gets the first one that becomes free.
    """
    group = _group(job.lane, slots.pools())
    own = group.pools.get(job.lane)
    if own is None or not group.has_others(job.lane):
        return None
    pause = min(first_pause * 2**own.failures, longest_pause)
    slots.close(job.lane, clock.now() + pause)
    log.warning("lane closed", job_id=job.id, account=job.account, seconds=round(pause))
    return enter(jobs.get(job.id))[1] or 1


def prove(job: Job) -> None:
    """Record that a lane that had failed works again."""
    slots.reopen(job.lane)
    log.info("lane open again", job_id=job.id, account=job.account)


def _wait_seconds(own: SlotPool) -> int:
    return max(1, min(ceil(own.closed_until - clock.now()), LONGEST_WAIT_SECONDS))


def pool(name: str) -> SlotPool:
    """Return the slots of a lane as the jobs in its queue see them: those of all lanes that serve it."""
    own = slots.pool(name)
    return own if own.lanes is None else merged(own, slots.pools())


def merged(own: SlotPool, pools: Sequence[SlotPool]) -> SlotPool:
    """Return the slots that the jobs in the queue of a lane wait for, out of all."""
    if own.lanes is None:
        return own
    of_lanes = [one for one in pools if lanes.share_queue(one.lane, own.lane)]
    newest = max(of_lanes, key=lambda one: one.turn)
    holders = {job_id: since for one in of_lanes for job_id, since in one.holders.items()}
    closed = {one.lane: one.closed_until for one in of_lanes}
    opens_at = min((closed.get(lane.name, 0) for lane in own.lanes), default=0)
    return replace(own, holders=holders, last_served=newest.last_served, turn=newest.turn, closed_until=opens_at)


def limit(pool: SlotPool) -> int:
    """Return how many jobs of a queue may hold a slot, in all lanes that serve it."""
    return settings.max_in_flight() if pool.lanes is None else sum(lane.slots for lane in pool.lanes)


def starts_at(pool: SlotPool, position: int, task_seconds: float) -> float:
    """Estimate when the job at a position of a queue starts; ``pool`` is as ``pool`` or ``merged`` returns it."""
    running = sum(queue.at_once(lane.slots) for lane in pool.lanes or ())
    starts = queue.starts_at(position, pool.holders.values(), clock.now(), task_seconds, limit(pool), running)
    return max(starts, pool.closed_until)


def own_limit(pool: SlotPool, pools: Iterable[SlotPool]) -> int:
    """Return how many jobs may hold a slot of a lane; 0 if it takes none at present."""
    shared = [lane for one in pools if lanes.share_queue(one.lane, pool.lane) for lane in one.lanes or ()]
    found = next((lane.slots for lane in shared if lane.name == pool.lane), 0)
    return found if is_shared(pool) else settings.max_in_flight()


def publish(secret: str, found: Iterable[SlotPool] | None = None) -> None:
    """Let the accounts in the stack's secret take jobs, and those that are paused or not in it take no more.

    ``found`` are the slots of all lanes, if they have just been read.

    Raises:
        AwsTrouble: the secret cannot be read, or has a fault: nothing changes.

    """
    accounts = vendor_accounts.listed(secret)
    pools = {one.lane: one for one in (slots.pools() if found is None else found)}
    for model in MODELS:
        usual = lanes.name_of(settings.dashscope_base_url(), secret, "", model)
        wanted = _wanted(accounts, secret, model)
        queues = [name for name in pools if lanes.has_queue(name) and lanes.share_queue(name, usual)]
        if wanted is not None:
            missing = {usual, *(lane.name for lane in wanted)} - pools.keys()
            for name in sorted(missing):
                slots.create_pool(name)
            queues = [*{*queues, usual}]
        for name in queues:
            if wanted != (pools[name].lanes if name in pools else None):
                slots.share_queue(name, wanted)


def _wanted(accounts: Mapping[str, Account], secret: str, model: str) -> tuple[Lane, ...] | None:
    """Return the lanes of a model that take jobs; None for one bare key, whose lane serves its queue alone."""
    alone = accounts.get(DEFAULT_ACCOUNT)
    if alone and accounts == {DEFAULT_ACCOUNT: Account(key=alone.key)}:
        return None
    return tuple(
        Lane(
            name=lanes.name_of(host := vendor_accounts.base_url(account), secret, account.name, model),
            account=account.name,
            base_url=host,
            slots=account.in_flight or settings.max_in_flight(),
            weight=account.weight,
        )
        for account in accounts.values()
        if account.makes(model) and not account.paused
    )


def _group(name: str, pools: Sequence[SlotPool]) -> _Group:
    shared = [one for one in pools if lanes.share_queue(one.lane, name)]
    queues = [one for one in shared if one.lanes is not None]
    open_lanes = {lane.name: lane for one in queues for lane in one.lanes or ()}
    return _Group(open_lanes, {one.lane: one for one in shared}, tuple(one.lane for one in queues))


def _next(group: _Group) -> tuple[str, Ticket | None]:
    """Return the next ticket, and the queue that it is in."""
    found = []
    for name in group.queues:
        ticket, _ = slots.next_in_queue(replace(group.pools[name], last_served=group.last.last_served))
        if ticket:
            found.append((name, ticket))
    return lanes.first(found, group.last.last_served) if found else ("", None)

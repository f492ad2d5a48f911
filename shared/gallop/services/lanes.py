"""Several accounts behind one queue per model: whichever lane has a free slot serves the next job.

The accounts are in the secret, which most functions may not read. So what they need of it, the lanes without keys, is
written beside the slots. A stack with one key has no such entry, and each lane serves its own queue.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from gallop import clock, log, settings
from gallop.adapters.table import slots
from gallop.domain import lanes
from gallop.domain.accounts import Account
from gallop.domain.errors import WrongState
from gallop.domain.frozen import frozen
from gallop.domain.lanes import DEFAULT_ACCOUNT, Lane
from gallop.domain.models import MODELS
from gallop.domain.scheduling import queue
from gallop.services import vendor_accounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gallop.adapters.table.slots import SlotPool
    from gallop.domain.scheduling.queue import Ticket

# More than the largest MaxInFlight (100).
MAX_GRANTS = 200


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
        """Return the lane that takes the next job; None if all are full."""
        held = {name: len(pool.holders) for name, pool in self.pools.items()}
        free = [lane for name, lane in self.lanes.items() if name in held and held[name] < lane.slots]
        return lanes.emptiest(free, held) if free else None


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
    return replace(own, holders=holders, last_served=newest.last_served, turn=newest.turn)


def limit(pool: SlotPool) -> int:
    """Return how many jobs of a queue may hold a slot, in all lanes that serve it."""
    return settings.max_in_flight() if pool.lanes is None else sum(lane.slots for lane in pool.lanes)


def starts_at(pool: SlotPool, position: int, task_seconds: float) -> float:
    """Estimate when the job at a position of a queue starts; ``pool`` is as ``pool`` or ``merged`` returns it."""
    running = sum(queue.at_once(lane.slots) for lane in pool.lanes or ())
    return queue.starts_at(position, pool.holders.values(), clock.now(), task_seconds, limit(pool), running)


def own_limit(pool: SlotPool, pools: Iterable[SlotPool]) -> int:
    """Return how many jobs may hold a slot of a lane; 0 if it takes none at present."""
    shared = [lane for one in pools if lanes.share_queue(one.lane, pool.lane) for lane in one.lanes or ()]
    found = next((lane.slots for lane in shared if lane.name == pool.lane), 0)
    return found if is_shared(pool) else settings.max_in_flight()


def held_by(account: str) -> list[str]:
    """Return the jobs that hold a slot of an account."""
    return [job_id for one in slots.pools() if lanes.account_in(one.lane) == account for job_id in one.holders]


def publish(secret: str) -> None:
    """Let the accounts in the stack's secret take jobs, and those that are paused or not in it take no more.

    Raises:
        AwsTrouble: the secret cannot be read, or has a fault: nothing changes.

    """
    accounts, pools = vendor_accounts.listed(secret), {one.lane: one for one in slots.pools()}
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

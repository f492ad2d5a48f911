"""The slots of each lane in the table: the jobs that hold them, and the queue of those that wait for one.

A slot goes to the first job in the queue in one write of three items: the pool counts it, the queue loses it, and the
job's record says since when. So no crash leaves a job between the two.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import budgets, codec, dynamo, job_items, jobs, waiters
from gallop.domain.errors import NoRoom
from gallop.domain.frozen import frozen
from gallop.domain.job import JobState
from gallop.domain.lanes import Lane, is_restricted
from gallop.domain.scheduling import queue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from gallop.domain.budget import Reservation
    from gallop.domain.job import Job
    from gallop.domain.scheduling.queue import QueuePosition, Ticket

SLOTS = "SLOTS"
# With more waiting jobs than this, positions are not reported.
MAX_POSITIONS = 5_000
# After the job's deadline, because QueueHours (maximum 144) may be raised meanwhile.
KEPT_SECONDS = 8 * 86_400
_QUEUE, _WAITER = "QUEUE#", "SLOT_WAITER"
_TO_LANE = "account = :account, base_url = :base_url, price_scope = :price_scope, account_reserved = :reserved"
LANES = codec.many(codec.of(Lane))


@frozen
class SlotPool:
    """A lane's slots as last read: since when each job holds one (epoch seconds), and the client served last.

    ``lanes`` are those that serve its queue; None if it does so itself, and the stack's limit is its own. ``turn``
    counts what lanes with the same queues have served: the largest is that of the lane which served last. A lane that
    has failed is closed until a time (epoch seconds), and proven again once ``failures`` is 0.
    """

    lane: str
    version: int
    holders: Mapping[str, float]
    last_served: str
    turn: int = 0
    closed_until: float = 0
    failures: int = 0
    lanes: tuple[Lane, ...] | None = None


@aws.guarded
def pool(lane: str) -> SlotPool:
    """Return the slots of a lane."""
    return _pool_from(dynamo.get(pool_key(lane)) or new_pool(lane))


@aws.guarded
def opened_pool(lane: str) -> SlotPool:
    """Return the slots of a lane, which has them after that."""
    item = dynamo.get(pool_key(lane))
    if item is None:
        dynamo.write(dynamo.put_if_new(new_pool(lane)))
    return _pool_from(item or new_pool(lane))


@aws.guarded
def pools() -> list[SlotPool]:
    """Return the slots of all lanes."""
    return [_pool_from(item) for item in dynamo.query(SLOTS)]


@aws.guarded
def enqueue(job: Job, token: str) -> bool:
    """Add a job to the queue, with the task token of the execution that waits; a newer token replaces an older one.

    Return False, and write nothing, if the job has a slot or no longer needs one.
    """
    waits = _update_job_without_slot(job.id, "SET is_open = :waiting", {":waiting": jobs.WAITING})
    expires_at = int(job.deadline) + KEPT_SECONDS
    waiter = {**_waiter_key(job.id), "token": token, "expires_at": expires_at}
    position = {**_queue_key(job.queue, job.ticket), "expires_at": expires_at}
    writes = [waits, dynamo.put(waiter), dynamo.put(position)]
    if not is_restricted(job.queue):
        return all(dynamo.transact(writes))
    return all(dynamo.transact([*writes, _note_queue(job.queue)]))


@aws.guarded
def next_in_queue(pool: SlotPool) -> tuple[Ticket | None, bool]:
    """Return the ticket that gets the next slot, None if nobody waits; and whether others wait as well."""
    names = _places(pool.lane)
    after = queue.key_after(pool.last_served)
    # One place or none is the usual case, and needs one question only.
    following = _places(pool.lane, after) if len(names) > 1 and names[0] <= after else []
    name = next(iter(following or names), None)
    return queue.ticket_from(name) if name else None, len(names) > 1


@aws.guarded
def grant(  # noqa: PLR0913, PLR0917 - one parameter per fact of the write
    pool: SlotPool,
    ticket: Ticket,
    now: float,
    seconds: float,
    shared: tuple[Lane, str, int] | None = None,
    reserved: Reservation | None = None,
) -> SlotPool | None:
    """Grant a slot to the first in the queue, whose new deadline is in ``seconds``; return the slots as they are then.

    ``shared`` is for lanes that share queues: the lane, which the job belongs to afterwards, the name of the queue in
    which it waits, and the new ``turn``. ``reserved`` is what the job reserves under the caps of that lane's account.

    It does not get one, and None is returned, if the pool has changed since it was read, or if the job no longer waits:
    then it leaves the queue.

    Raises:
        NoRoom: there is no room for its reservation.

    """
    lane, queue_of, turn = shared or (None, pool.lane, 0)
    noting = _note_slot(ticket, now, now + seconds, lane, reserved)
    writes = [_take_slot(pool, ticket, now, turn), _leave(queue_of, ticket), noting]
    counted, left, noted, *has_room = dynamo.transact([*writes, *_reserving(lane, reserved, now)])
    if left and not noted:
        leave_queue(queue_of, ticket)
    if not (counted and left and noted):
        return None
    if not all(has_room):
        raise _no_room(ticket.job_id)
    holders = {**pool.holders, ticket.job_id: now}
    return replace(pool, version=pool.version + 1, holders=holders, last_served=ticket.client, turn=turn)


@aws.guarded
def move(job: Job, to: SlotPool, lane: Lane, now: float, reserved: Reservation | None = None) -> bool:
    """Move a job that has a slot, and certainly no task, to a slot of another lane; return whether it was moved.

    It is not, if an attempt has begun since it was read, or if the pool has changed. ``reserved`` is what it reserves
    under the caps of the new lane's account, instead of what it reserves under those of the one it leaves.

    Raises:
        NoRoom: there is no room for its reservation.

    """
    leave = "REMOVE holders.#job SET version = version + :one"
    left = dynamo.update(pool_key(job.lane), leave, "attribute_exists(holders.#job)", {":one": 1}, {"#job": job.id})
    taken = dynamo.update(
        pool_key(to.lane),
        "SET holders.#job = :now, version = version + :one",
        "version = :version",
        {":now": dynamo.time(now), ":one": 1, ":version": to.version},
        {"#job": job.id},
    )
    returned = budgets.settling(job.account_reserved, Decimal(0)) if job.account_reserved else []
    writes = [left, taken, _note_move(job, lane, now, reserved), *returned]
    held = dynamo.transact([*writes, *_reserving(lane, reserved, now)])
    if all(held[: len(writes)]) and not all(held):
        raise _no_room(job.id)
    return all(held)


@aws.guarded
def release(lane: str, job_id: str) -> SlotPool | None:
    """Free a job's slot and return the lane's slots; None if it held none. ``grant`` gives it to the next one."""
    is_held = "attribute_exists(holders.#job)"
    change = "REMOVE holders.#job SET version = version + :one"
    item = dynamo.write_and_read(dynamo.update(pool_key(lane), change, is_held, {":one": 1}, {"#job": job_id}))
    return None if item is None else _pool_from(item)


@aws.guarded
def leave_queue(lane: str, ticket: Ticket) -> None:
    """Remove a job from the queue."""
    dynamo.write(_leave(lane, ticket))


@aws.guarded
def wake(job_id: str, token: str = "") -> bool:
    """Resume a job's execution, if one waits for a slot; return whether one did. ``token`` is its token, if known."""
    item = {**_waiter_key(job_id), "token": token} if token else dynamo.get(_waiter_key(job_id))
    if item is None:
        return False
    waiters.resume(item)
    return True


@aws.guarded
def queued(lane: str, limit: int = MAX_POSITIONS) -> dict[Ticket, int | None]:
    """Return all tickets of a lane's queue with the position last reported for each; empty above ``limit`` tickets."""
    # Without a page size, the table reads a megabyte even where 200 entries are enough.
    items = list(_entries(lane, PaginationConfig={"MaxItems": limit + 1, "PageSize": limit + 1}))
    if len(items) > limit:
        return {}
    return {
        queue.ticket_from(item["sk"]): int(item["reported_position"]) if "reported_position" in item else None
        for item in items
    }


@aws.guarded
def queue_size(lane: str) -> tuple[int, float | None]:
    """Return how many jobs are in a lane's queue, and when the oldest of them was created (epoch seconds)."""
    came_at = [queue.ticket_from(item["sk"]).came_at for item in _entries(lane, ProjectionExpression="sk")]
    return len(came_at), min(came_at, default=None)


def _entries(lane: str, **options: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - as the paginator takes them
    pages = (
        aws.dynamodb()
        .get_paginator("query")
        .paginate(
            TableName=settings.job_table(),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=dynamo.pack({":pk": _QUEUE + lane}),
            **options,
        )
    )
    return (dynamo.unpack(item) for page in pages for item in page["Items"])


@aws.guarded
def record_position(job: Job, position: QueuePosition) -> bool:
    """Record a job's position in the queue; return whether it is still in the queue."""
    is_there = "attribute_exists(pk)"
    reported = dynamo.update(
        _queue_key(job.queue, job.ticket),
        "SET reported_position = :position",
        is_there,
        {":position": position.position},
    )
    known = dynamo.update(
        jobs.job_key(job.id),
        "SET #position = :position, starts_at = :starts",
        is_there,
        {":position": position.position, ":starts": dynamo.time(position.starts_at)},
        {"#position": "position"},
    )
    return all(dynamo.transact([reported, known]))


@aws.guarded
def forget_client(client: str) -> None:
    """Forget that a client was served last, wherever it was."""
    for pool in pools():
        change, values = "SET last_served = :nobody", {":nobody": "", ":client": client}
        dynamo.write(dynamo.update(pool_key(pool.lane), change, "last_served = :client", values))


def _places(lane: str, after: str = "") -> list[str]:
    """Return the sort keys of the first two places in a lane's queue, or of the first two after a key."""
    values = {":pk": _QUEUE + lane, ":sk": after} if after else {":pk": _QUEUE + lane}
    response = aws.dynamodb().query(
        TableName=settings.job_table(),
        KeyConditionExpression="pk = :pk AND sk > :sk" if after else "pk = :pk",
        ExpressionAttributeValues=dynamo.pack(values),
        Limit=2,
        ConsistentRead=True,
    )
    return [str(dynamo.unpack(item)["sk"]) for item in response["Items"]]


def _note_queue(queue_of: str) -> TransactWriteItemTypeDef:
    """Let the lanes find a queue for only some accounts. The entry changes with each job, for ``remove_queue``."""
    change = (
        "SET version = if_not_exists(version, :zero) + :one, holders = if_not_exists(holders, :none),"
        " last_served = if_not_exists(last_served, :nobody)"
    )
    values = {":zero": 0, ":one": 1, ":none": {}, ":nobody": ""}
    return dynamo.update(pool_key(queue_of), change, values=values)


def _take_slot(pool: SlotPool, ticket: Ticket, now: float, turn: int) -> TransactWriteItemTypeDef:
    change = "SET holders.#job = :now, last_served = :client, version = version + :one"
    values = {":now": dynamo.time(now), ":client": ticket.client, ":one": 1, ":version": pool.version}
    if turn:
        change, values = f"{change}, turn = :turn", {**values, ":turn": turn}
    return dynamo.update(pool_key(pool.lane), change, "version = :version", values, {"#job": ticket.job_id})


def _leave(lane: str, ticket: Ticket) -> TransactWriteItemTypeDef:
    return dynamo.delete(_queue_key(lane, ticket), "attribute_exists(pk)")


def _note_slot(
    ticket: Ticket, now: float, deadline: float, lane: Lane | None, reserved: Reservation | None = None
) -> TransactWriteItemTypeDef:
    change = "SET is_open = :open, slot_since = :now, updated_at = :now, deadline = :deadline"
    values: dict[str, object] = {":open": jobs.OPEN, ":now": dynamo.time(now), ":deadline": dynamo.time(deadline)}
    if lane:
        change += f", {_TO_LANE}"
        values |= _lane_values(lane, reserved)
    return _update_job_without_slot(ticket.job_id, change, values)


def _note_move(job: Job, lane: Lane, now: float, reserved: Reservation | None) -> TransactWriteItemTypeDef:
    record = job_items.job_record(job)
    unchanged = {name: record[name] for name in ("account", "state", "attempt", "account_reserved")}
    return dynamo.update(
        jobs.job_key(job.id),
        f"SET slot_since = :now, updated_at = :now, {_TO_LANE}",
        " AND ".join(jobs.unchanged(f"#{name}", f":old_{name}", old) for name, old in unchanged.items()),
        {
            **{f":old_{name}": old for name, old in unchanged.items()},
            ":now": dynamo.time(now),
            **_lane_values(lane, reserved),
        },
        {f"#{name}": name for name in unchanged},
    )


def _lane_values(lane: Lane, reserved: Reservation | None) -> dict[str, object]:
    kept = job_items.RESERVATION.write(reserved)
    return {
        ":account": lane.account,
        ":base_url": lane.base_url,
        ":price_scope": lane.price_scope,
        ":reserved": kept,
    }


def _reserving(lane: Lane | None, reserved: Reservation | None, now: float) -> list[TransactWriteItemTypeDef]:
    return budgets.reserving(lane.caps, reserved, now) if lane else []


def _no_room(job_id: str) -> NoRoom:
    return NoRoom(f"There is no room under an account's cap for job {job_id}.")


def _update_job_without_slot(job_id: str, change: str, values: Mapping[str, object]) -> TransactWriteItemTypeDef:
    """Build an update of a job that is queued and has no slot."""
    queued = {":queued": JobState.QUEUED.value, ":none": None}
    condition = "#state = :queued AND (slot_since = :none OR attribute_not_exists(slot_since))"
    return dynamo.update(jobs.job_key(job_id), change, condition, {**values, **queued}, {"#state": "state"})


def _pool_from(item: Mapping[str, object]) -> SlotPool:
    holders: Mapping[str, float] = item["holders"]  # type: ignore[assignment]
    return SlotPool(
        lane=str(item["sk"]),
        version=int(item["version"]),  # type: ignore[call-overload]
        holders={job_id: float(since) for job_id, since in holders.items()},
        last_served=str(item["last_served"]),
        turn=int(item.get("turn", 0)),  # type: ignore[call-overload]
        lanes=LANES.read(item.get("lanes")),
        closed_until=float(item.get("closed_until", 0)),  # type: ignore[arg-type]
        failures=int(item.get("failures", 0)),  # type: ignore[call-overload]
    )


def new_pool(lane: str) -> dict[str, object]:
    """Return the item of slots of which none is held."""
    return {**pool_key(lane), "version": 0, "holders": {}, "last_served": ""}


def pool_key(lane: str) -> dict[str, str]:
    """Return the key of the slots of a lane."""
    return {"pk": SLOTS, "sk": lane}


def _queue_key(lane: str, ticket: Ticket) -> dict[str, str]:
    return {"pk": _QUEUE + lane, "sk": ticket.name}


def _waiter_key(job_id: str) -> dict[str, str]:
    return {"pk": f"JOB#{job_id}", "sk": _WAITER}

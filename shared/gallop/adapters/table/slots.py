"""The gate of each lane in the table: who holds its slots, and who waits in line for one.

A slot goes to the first in line in one write of three items: the gate counts it, the line loses it, and the job's
record says since when. So no breakdown leaves a job between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import dynamo, jobs, waiters
from gallop.domain.job import JobState
from gallop.domain.scheduling import queue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from gallop.domain.job import Job
    from gallop.domain.scheduling.queue import QueuePosition, Ticket

SLOTS = "SLOTS"
# Beyond so many, nobody is told a place.
MAX_POSITIONS = 5_000
# Beyond the job's deadline, for QueueHours (144 at most) may be raised meanwhile.
KEPT_SECONDS = 8 * 86_400
_QUEUE, _WAITER = "QUEUE#", "SLOT_WAITER"


@dataclass(frozen=True, slots=True)
class SlotPool:
    """A lane's gate as it was read: since when each job holds a slot, and the client who was served last."""

    lane: str
    version: int
    holders: Mapping[str, float]
    last_served: str


@aws.guarded
def pool(lane: str) -> SlotPool:
    """Read a lane's gate."""
    return _pool_from(dynamo.get(_pool_key(lane)) or _new_pool(lane))


@aws.guarded
def pools() -> list[SlotPool]:
    """Read all gates."""
    return [_pool_from(item) for item in dynamo.query(SLOTS)]


@aws.guarded
def enqueue(job: Job, token: str) -> bool:
    """Put a job in line, with the token of the execution that waits; a newer token takes the place of an older one.

    Tells False, and writes nothing, if it does not need a slot any more, or has one.
    """
    if dynamo.get(_pool_key(job.lane)) is None:
        dynamo.transact([dynamo.put_if_new(_new_pool(job.lane))])
    waits = _update_job_without_slot(job.id, "SET is_open = :waiting", {":waiting": jobs.WAITING})
    expires_at = int(job.deadline) + KEPT_SECONDS
    waiter = {**_waiter_key(job.id), "token": token, "expires_at": expires_at}
    position = {**_queue_key(job.lane, job.ticket), "expires_at": expires_at}
    return all(dynamo.transact([waits, dynamo.put(waiter), dynamo.put(position)]))


@aws.guarded
def next_in_queue(pool: SlotPool) -> Ticket | None:
    """Give the one whose turn it is; None if nobody waits."""
    for after in dict.fromkeys([queue.key_after(pool.last_served), ""]):
        answer = aws.dynamodb().query(
            TableName=settings.job_table(),
            KeyConditionExpression="pk = :pk AND sk > :sk" if after else "pk = :pk",
            ExpressionAttributeValues=dynamo.pack(
                {":pk": _QUEUE + pool.lane, ":sk": after} if after else {":pk": _QUEUE + pool.lane}
            ),
            Limit=1,
            ConsistentRead=True,
        )
        if answer["Items"]:
            return queue.ticket_from(str(dynamo.unpack(answer["Items"][0])["sk"]))
    return None


@aws.guarded
def grant(pool: SlotPool, ticket: Ticket, now: float, seconds: float) -> bool:
    """Give a slot to the first in line, whose deadline is ``seconds`` from now on; tells whether it has it.

    It has not if the gate has moved on since it was read, or the job waits no more: then it leaves the line.
    """
    counted, left, noted = dynamo.transact(
        [_take_slot(pool, ticket, now), _leave(pool.lane, ticket), _note_slot(ticket, now, now + seconds)]
    )
    if left and not noted:
        leave_queue(pool.lane, ticket)
    return counted and left and noted


@aws.guarded
def release(lane: str, job_id: str) -> None:
    """Take a job's slot back. What is free is given to the next one by ``grant``."""
    is_held = "attribute_exists(holders.#job)"
    change = "REMOVE holders.#job SET version = version + :one"
    dynamo.write(dynamo.update(_pool_key(lane), change, is_held, {":one": 1}, {"#job": job_id}))


@aws.guarded
def leave_queue(lane: str, ticket: Ticket) -> None:
    """Take a job out of the line."""
    dynamo.write(_leave(lane, ticket))


@aws.guarded
def wake(job_id: str) -> bool:
    """Let a job's execution go on, if one waits for its turn; tells whether one did."""
    item = dynamo.get(_waiter_key(job_id))
    if item is None:
        return False
    waiters.resume(item)
    return True


@aws.guarded
def queued(lane: str, limit: int = MAX_POSITIONS) -> dict[Ticket, int | None]:
    """Give all who wait for a lane, in the table's order, with the place that each was told; nobody if too many do."""
    pages = (
        aws.dynamodb()
        .get_paginator("query")
        .paginate(
            TableName=settings.job_table(),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=dynamo.pack({":pk": _QUEUE + lane}),
            PaginationConfig={"MaxItems": limit + 1},
        )
    )
    items = [dynamo.unpack(item) for page in pages for item in page["Items"]]
    if len(items) > limit:
        return {}
    return {
        queue.ticket_from(item["sk"]): int(item["reported_position"]) if "reported_position" in item else None
        for item in items
    }


@aws.guarded
def record_position(job: Job, position: QueuePosition) -> bool:
    """Write down how a job stands in line; tells whether it still does."""
    is_there = "attribute_exists(pk)"
    reported = dynamo.update(
        _queue_key(job.lane, job.ticket),
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


def _take_slot(pool: SlotPool, ticket: Ticket, now: float) -> TransactWriteItemTypeDef:
    return dynamo.update(
        _pool_key(pool.lane),
        "SET holders.#job = :now, last_served = :client, version = version + :one",
        "version = :version",
        {":now": dynamo.time(now), ":client": ticket.client, ":one": 1, ":version": pool.version},
        {"#job": ticket.job_id},
    )


def _leave(lane: str, ticket: Ticket) -> TransactWriteItemTypeDef:
    return dynamo.delete(_queue_key(lane, ticket), "attribute_exists(pk)")


def _note_slot(ticket: Ticket, now: float, deadline: float) -> TransactWriteItemTypeDef:
    change = "SET is_open = :open, slot_since = :now, updated_at = :now, deadline = :deadline"
    values = {":open": jobs.OPEN, ":now": dynamo.time(now), ":deadline": dynamo.time(deadline)}
    return _update_job_without_slot(ticket.job_id, change, values)


def _update_job_without_slot(job_id: str, change: str, values: Mapping[str, object]) -> TransactWriteItemTypeDef:
    """Describe a change of a job that is queued, and has no slot."""
    queued = {":queued": JobState.QUEUED.value, ":none": None}
    condition = "#state = :queued AND slot_since = :none"
    return dynamo.update(jobs.job_key(job_id), change, condition, {**values, **queued}, {"#state": "state"})


def _pool_from(item: Mapping[str, object]) -> SlotPool:
    holders: Mapping[str, float] = item["holders"]  # type: ignore[assignment]
    return SlotPool(
        lane=str(item["sk"]),
        version=int(item["version"]),  # type: ignore[call-overload]
        holders={job_id: float(since) for job_id, since in holders.items()},
        last_served=str(item["last_served"]),
    )


def _new_pool(lane: str) -> dict[str, object]:
    return {**_pool_key(lane), "version": 0, "holders": {}, "last_served": ""}


def _pool_key(lane: str) -> dict[str, str]:
    return {"pk": SLOTS, "sk": lane}


def _queue_key(lane: str, ticket: Ticket) -> dict[str, str]:
    return {"pk": _QUEUE + lane, "sk": ticket.name}


def _waiter_key(job_id: str) -> dict[str, str]:
    return {"pk": f"JOB#{job_id}", "sk": _WAITER}

"""The gate of each lane in the table: who holds its slots, and who waits in line for one.

A slot goes to the first in line in one write of three items: the gate counts it, the line loses it, and the job's
record says since when. So no breakdown leaves a job between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import dynamo as table
from gallop.adapters.table import jobs as store
from gallop.adapters.table import waiters
from gallop.domain.job import JobState
from gallop.domain.scheduling import queue as line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from gallop.domain.job import Job
    from gallop.domain.scheduling.queue import Standing, Ticket

GATES = "GATES"
# Beyond so many, nobody is told a place.
PLACES_AT_MOST = 5_000
# Beyond the job's deadline, for QueueHours (144 at most) may be raised meanwhile.
KEPT_SECONDS = 8 * 86_400
_LINE, _TURN = "LINE#", "TURN"


@dataclass(frozen=True, slots=True)
class Gate:
    """A lane's gate as it was read: since when each job holds a slot, and the client who was served last."""

    lane: str
    version: int
    holders: Mapping[str, float]
    last_served: str


@aws.guarded
def gate(lane: str) -> Gate:
    """Read a lane's gate."""
    return _gate_from(table.get(_gate_key(lane)) or _new_gate(lane))


@aws.guarded
def gates() -> list[Gate]:
    """Read all gates."""
    return [_gate_from(item) for item in table.query(GATES)]


@aws.guarded
def join(job: Job, token: str) -> bool:
    """Put a job in line, with the token of the execution that waits; a newer token takes the place of an older one.

    Tells False, and writes nothing, if it does not need a slot any more, or has one.
    """
    if table.get(_gate_key(job.lane)) is None:
        table.transact([table.put_if_new(_new_gate(job.lane))])
    waits = _to_one_without_slot(job.id, "SET is_open = :waiting", {":waiting": store.WAITING})
    expires_at = int(job.deadline) + KEPT_SECONDS
    turn = {**_turn_key(job.id), "token": token, "expires_at": expires_at}
    place = {**_line_key(job.lane, job.ticket), "expires_at": expires_at}
    return not any(table.transact([waits, table.put(turn), table.put(place)]))


@aws.guarded
def first_in_line(gate: Gate) -> Ticket | None:
    """Give the one whose turn it is; None if nobody waits."""
    for behind in dict.fromkeys([line.behind(gate.last_served), ""]):
        answer = aws.dynamodb().query(
            TableName=settings.job_table(),
            KeyConditionExpression="pk = :pk AND sk > :sk" if behind else "pk = :pk",
            ExpressionAttributeValues=table.pack(
                {":pk": _LINE + gate.lane, ":sk": behind} if behind else {":pk": _LINE + gate.lane}
            ),
            Limit=1,
            ConsistentRead=True,
        )
        if answer["Items"]:
            return line.ticket_from(str(table.unpack(answer["Items"][0])["sk"]))
    return None


@aws.guarded
def grant(gate: Gate, ticket: Ticket, now: float, seconds: float) -> bool:
    """Give a slot to the first in line, whose deadline is ``seconds`` from now on; tells whether it has it.

    It has not if the gate has moved on since it was read, or the job waits no more: then it leaves the line.
    """
    taken, left, granted = table.transact(
        [_count(gate, ticket, now), _leave(gate.lane, ticket), _start(ticket, now, now + seconds)]
    )
    if granted and not left:
        leave_line(gate.lane, ticket)
    return not (taken or left or granted)


@aws.guarded
def free(lane: str, job_id: str) -> None:
    """Take a job's slot back. What is free is given to the next one by ``grant``."""
    is_held = "attribute_exists(holders.#job)"
    change = "REMOVE holders.#job SET version = version + :one"
    table.write(table.update(_gate_key(lane), change, is_held, {":one": 1}, {"#job": job_id}))


@aws.guarded
def leave_line(lane: str, ticket: Ticket) -> None:
    """Take a job out of the line."""
    table.write(_leave(lane, ticket))


@aws.guarded
def wake(job_id: str) -> bool:
    """Let a job's execution go on, if one waits for its turn; tells whether one did."""
    item = table.get(_turn_key(job_id))
    if item is None:
        return False
    waiters.let_go_on(item)
    return True


@aws.guarded
def waiting(lane: str, at_most: int = PLACES_AT_MOST) -> dict[Ticket, int | None]:
    """Give all who wait for a lane, in the table's order, with the place that each was told; nobody if too many do."""
    pages = (
        aws.dynamodb()
        .get_paginator("query")
        .paginate(
            TableName=settings.job_table(),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=table.pack({":pk": _LINE + lane}),
            PaginationConfig={"MaxItems": at_most + 1},
        )
    )
    items = [table.unpack(item) for page in pages for item in page["Items"]]
    if len(items) > at_most:
        return {}
    return {line.ticket_from(item["sk"]): int(item["told"]) if "told" in item else None for item in items}


@aws.guarded
def tell(job: Job, standing: Standing) -> bool:
    """Write down how a job stands in line; tells whether it still does."""
    is_there = "attribute_exists(pk)"
    told = table.update(_line_key(job.lane, job.ticket), "SET told = :place", is_there, {":place": standing.place})
    known = table.update(
        store.job_key(job.id),
        "SET place = :place, starts_at = :starts",
        is_there,
        {":place": standing.place, ":starts": table.time(standing.starts_at)},
    )
    return not any(table.transact([told, known]))


def _count(gate: Gate, ticket: Ticket, now: float) -> TransactWriteItemTypeDef:
    return table.update(
        _gate_key(gate.lane),
        "SET holders.#job = :now, last_served = :client, version = version + :one",
        "version = :version",
        {":now": table.time(now), ":client": ticket.client, ":one": 1, ":version": gate.version},
        {"#job": ticket.job_id},
    )


def _leave(lane: str, ticket: Ticket) -> TransactWriteItemTypeDef:
    return table.delete(_line_key(lane, ticket), "attribute_exists(pk)")


def _start(ticket: Ticket, now: float, deadline: float) -> TransactWriteItemTypeDef:
    change = "SET is_open = :open, slot_since = :now, updated_at = :now, deadline = :deadline"
    values = {":open": store.OPEN, ":now": table.time(now), ":deadline": table.time(deadline)}
    return _to_one_without_slot(ticket.job_id, change, values)


def _to_one_without_slot(job_id: str, change: str, values: Mapping[str, object]) -> TransactWriteItemTypeDef:
    """Describe a change of a job that is queued, and has no slot."""
    queued = {":queued": JobState.QUEUED.value, ":none": None}
    condition = "#state = :queued AND slot_since = :none"
    return table.update(store.job_key(job_id), change, condition, {**values, **queued}, {"#state": "state"})


def _gate_from(item: Mapping[str, object]) -> Gate:
    holders: Mapping[str, float] = item["holders"]  # type: ignore[assignment]
    return Gate(
        lane=str(item["sk"]),
        version=int(item["version"]),  # type: ignore[call-overload]
        holders={job_id: float(since) for job_id, since in holders.items()},
        last_served=str(item["last_served"]),
    )


def _new_gate(lane: str) -> dict[str, object]:
    return {**_gate_key(lane), "version": 0, "holders": {}, "last_served": ""}


def _gate_key(lane: str) -> dict[str, str]:
    return {"pk": GATES, "sk": lane}


def _line_key(lane: str, ticket: Ticket) -> dict[str, str]:
    return {"pk": _LINE + lane, "sk": ticket.name}


def _turn_key(job_id: str) -> dict[str, str]:
    return {"pk": f"JOB#{job_id}", "sk": _TURN}

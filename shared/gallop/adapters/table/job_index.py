"""In which order jobs came: one item a job for its client, and one for the operators, written with the job itself.

They lie in the table and not in an index of it, because those are not strongly consistent: a job is listed from the
moment in which it is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import dynamo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from gallop.domain.job import Job

EVERY_CLIENT = "ALL"
# Before every place, and after every one.
START, END = "0", "~"
PAGE = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """A job's place in the order of jobs, and its id."""

    cursor: str
    job_id: str


def cursor_at(milliseconds: int) -> str:
    """Give a place before all jobs of that millisecond, and after all earlier ones."""
    return f"{milliseconds:014d}"


def cursor_of(job: Job) -> str:
    """Give the place of a job."""
    return f"{cursor_at(int(dynamo.time(job.created_at) * 1000))}#{job.id}"


def partition_of(client: str | None) -> str:
    """Name the list of a client, or that of everybody."""
    return EVERY_CLIENT if client is None else f"CLIENT#{client}"


def puts(job: Job, expires_at: int) -> list[TransactWriteItemTypeDef]:
    """Describe the writes of a new job's places."""
    item = {"sk": cursor_of(job), "job_id": job.id, "expires_at": expires_at}
    return [dynamo.put({"pk": partition_of(client), **item}) for client in (job.client, None)]


def deletes(job: Job) -> list[TransactWriteItemTypeDef]:
    """Describe the removal of a job's places."""
    return [dynamo.delete({"pk": partition_of(client), "sk": cursor_of(job)}) for client in (job.client, None)]


@aws.guarded
def page(client: str | None, low: str, high: str, *, ascending: bool, limit: int) -> list[Entry]:
    """Give the first jobs between two places, strongly consistent; fewer than ``limit`` only where they end."""
    answer = aws.dynamodb().query(
        TableName=settings.job_table(),
        KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
        ExpressionAttributeValues=dynamo.pack({":pk": partition_of(client), ":low": low, ":high": high}),
        ConsistentRead=True,
        ScanIndexForward=ascending,
        Limit=limit,
    )
    return [_entry(dynamo.unpack(item)) for item in answer["Items"]]


def entries(client: str | None, low: str, high: str, *, ascending: bool, at_a_time: int = PAGE) -> Iterator[Entry]:
    """Give the jobs between two places, page after page."""
    while low <= high:
        found = page(client, low, high, ascending=ascending, limit=at_a_time)
        yield from found
        if len(found) < at_a_time:
            return
        low, high = beyond(found[-1].cursor, low, high, ascending=ascending)


def beyond(cursor: str, low: str, high: str, *, ascending: bool) -> tuple[str, str]:
    """Narrow two places to what follows a job's place."""
    if ascending:
        return max(low, f"{cursor}\0"), high
    # Ids are of one length: all places before this one end, at most, in the letter before its last one.
    return low, min(high, f"{cursor[:-1]}{chr(ord(cursor[-1]) - 1)}{END}")


def _entry(item: dict[str, Any]) -> Entry:
    return Entry(str(item["sk"]), str(item["job_id"]))

"""The order in which jobs were created: one item per job for its client and one for operators, written with the job.

They are items of the table and not an index of it, because an index is not strongly consistent: a job is listed from
the moment it is accepted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import dynamo
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from gallop.domain.job import Job

EVERY_CLIENT = "ALL"
# Before every cursor, and after every cursor.
START, END = "0", "~"
PAGE = 100


@frozen
class Entry:
    """A job's cursor, which is its position in the order of jobs, and its ID."""

    cursor: str
    job_id: str


def cursor_at(milliseconds: int) -> str:
    """Return the cursor before all jobs of that millisecond, and after all earlier ones."""
    return f"{milliseconds:014d}"


def cursor_of(job: Job) -> str:
    """Return the cursor of a job."""
    return cursor_in(int(dynamo.time(job.created_at) * 1000), job.id)


def cursor_in(milliseconds: int, job_id: str) -> str:
    """Return the cursor of a job that was created in that millisecond."""
    return f"{cursor_at(milliseconds)}#{job_id}"


def partition_of(client: str | None) -> str:
    """Return the partition of a client's jobs, or that of all jobs."""
    return EVERY_CLIENT if client is None else f"CLIENT#{client}"


def puts(job: Job, expires_at: int) -> list[TransactWriteItemTypeDef]:
    """Build the writes of a new job's entries."""
    item = {"sk": cursor_of(job), "job_id": job.id, "expires_at": expires_at}
    return [dynamo.put({"pk": partition_of(client), **item}) for client in (job.client, None)]


def deletes(job: Job) -> list[TransactWriteItemTypeDef]:
    """Build the deletion of a job's entries."""
    return [dynamo.delete({"pk": partition_of(client), "sk": cursor_of(job)}) for client in (job.client, None)]


@aws.guarded
def page(client: str | None, low: str, high: str, *, ascending: bool, limit: int) -> list[Entry]:
    """Return the first jobs between two cursors, strongly consistent; fewer than ``limit`` only at the end."""
    response = aws.dynamodb().query(
        TableName=settings.job_table(),
        KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
        ExpressionAttributeValues=dynamo.pack({":pk": partition_of(client), ":low": low, ":high": high}),
        ConsistentRead=True,
        ScanIndexForward=ascending,
        Limit=limit,
    )
    return [_entry(dynamo.unpack(item)) for item in response["Items"]]


def entries(client: str | None, low: str, high: str, *, ascending: bool, at_a_time: int = PAGE) -> Iterator[Entry]:
    """Yield the jobs between two cursors, page by page."""
    while low <= high:
        found = page(client, low, high, ascending=ascending, limit=at_a_time)
        yield from found
        if len(found) < at_a_time:
            return
        low, high = beyond(found[-1].cursor, low, high, ascending=ascending)


def beyond(cursor: str, low: str, high: str, *, ascending: bool) -> tuple[str, str]:
    """Narrow a range of cursors to what follows a job's cursor."""
    if ascending:
        return max(low, f"{cursor}\0"), high
    # IDs have one length, so every cursor before this one is below its last character's predecessor and END.
    return low, min(high, f"{cursor[:-1]}{chr(ord(cursor[-1]) - 1)}{END}")


def _entry(item: dict[str, Any]) -> Entry:
    return Entry(str(item["sk"]), str(item["job_id"]))

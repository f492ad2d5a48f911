"""The delivery log: each try, its response, and the time of the next one; never a body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import dynamo
from gallop.adapters.table.codec import SECONDS
from gallop.domain.clients.webhooks import LOG_SECONDS, Event, Try

if TYPE_CHECKING:
    from collections.abc import Mapping


@aws.guarded
def note(entry: Try) -> None:
    """Record a try; the record is kept for thirty days."""
    item = {
        "pk": _partition(entry.endpoint_id),
        "sk": f"{entry.at:014.3f}#{entry.event_id}#{entry.number}",
        "endpoint_id": entry.endpoint_id,
        "event_id": entry.event_id,
        "event": entry.event.value,
        "number": entry.number,
        "at": dynamo.time(entry.at),
        "status": entry.status,
        "trouble": entry.trouble,
        "milliseconds": entry.milliseconds,
        "next_at": SECONDS.write(entry.next_at),
        "expires_at": int(entry.at) + LOG_SECONDS,
    }
    aws.dynamodb().put_item(TableName=settings.job_table(), Item=dynamo.pack(item))


@aws.guarded
def newest(endpoint_id: str, limit: int) -> list[Try]:
    """Return the last tries at an endpoint, newest first."""
    response = aws.dynamodb().query(
        TableName=settings.job_table(),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=dynamo.pack({":pk": _partition(endpoint_id)}),
        ConsistentRead=True,
        ScanIndexForward=False,
        Limit=limit,
    )
    return [_try(dynamo.unpack(item)) for item in response["Items"]]


def _partition(endpoint_id: str) -> str:
    return f"DELIVERIES#{endpoint_id}"


def _try(item: Mapping[str, Any]) -> Try:
    return Try(
        endpoint_id=item["endpoint_id"],
        event_id=item["event_id"],
        event=Event(item["event"]),
        number=int(item["number"]),
        at=float(item["at"]),
        status=None if item["status"] is None else int(item["status"]),
        trouble=item["trouble"],
        milliseconds=int(item["milliseconds"]),
        next_at=SECONDS.read(item["next_at"]),
    )

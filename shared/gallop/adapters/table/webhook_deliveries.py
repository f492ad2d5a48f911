"""The log of deliveries: every try, what it was answered, and when the next one follows; never a body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import dynamo, job_items
from gallop.domain.clients.webhooks import LOG_SECONDS, Event, Try

if TYPE_CHECKING:
    from collections.abc import Mapping


@aws.guarded
def note(made: Try) -> None:
    """Write down a try; it is kept for thirty days."""
    item = {
        "pk": _partition(made.endpoint_id),
        "sk": f"{made.at:014.3f}#{made.event_id}#{made.number}",
        "endpoint_id": made.endpoint_id,
        "event_id": made.event_id,
        "event": made.event.value,
        "number": made.number,
        "at": dynamo.time(made.at),
        "status": made.status,
        "trouble": made.trouble,
        "milliseconds": made.milliseconds,
        "next_at": job_items.seconds(made.next_at),
        "expires_at": int(made.at) + LOG_SECONDS,
    }
    aws.dynamodb().put_item(TableName=settings.job_table(), Item=dynamo.pack(item))


@aws.guarded
def newest(endpoint_id: str, limit: int) -> list[Try]:
    """Read the last tries at an endpoint, the newest first."""
    answer = aws.dynamodb().query(
        TableName=settings.job_table(),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=dynamo.pack({":pk": _partition(endpoint_id)}),
        ConsistentRead=True,
        ScanIndexForward=False,
        Limit=limit,
    )
    return [_try(dynamo.unpack(item)) for item in answer["Items"]]


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
        next_at=job_items.read_seconds(item["next_at"]),
    )

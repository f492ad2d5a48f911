"""The delivery log: each try, its response, and the time of the next one; never a body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import codec, dynamo
from gallop.domain.clients.webhooks import LOG_SECONDS, Event, Try

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRY = codec.of(Try, {"Event": codec.enum(Event)})


@aws.guarded
def note(entry: Try) -> None:
    """Record a try; the record is kept for thirty days."""
    item = {
        "pk": _partition(entry.endpoint_id),
        "sk": f"{entry.at:014.3f}#{entry.event_id}#{entry.number}",
        **_TRY.write(entry),
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


@aws.guarded
def remove_all(endpoint_id: str) -> None:
    """Remove the log of an endpoint."""
    for item in list(dynamo.query(_partition(endpoint_id))):
        dynamo.write(dynamo.delete({"pk": item["pk"], "sk": item["sk"]}))


def _partition(endpoint_id: str) -> str:
    return f"DELIVERIES#{endpoint_id}"


def _try(item: Mapping[str, Any]) -> Try:
    entry: Try = _TRY.read(item)
    return entry

"""Events of the inbox: which objects they tell of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Mapping

_CREATED = "ObjectCreated:"


def keys_in(event: Mapping[str, Any]) -> list[str]:
    """Name the objects that an event says were put, posted, copied or put together of parts.

    S3's own notification writes keys as a form does, the one that comes by way of EventBridge as they are: each is
    decoded once, or not at all. S3's test message tells of none.

    Raises:
        KeyError: it is no event of S3.

    """
    if "detail-type" in event:
        return [event["detail"]["object"]["key"]] if event["detail-type"] == "Object Created" else []
    if event.get("Event") == "s3:TestEvent":
        return []
    return [
        unquote_plus(record["s3"]["object"]["key"])
        for record in event["Records"]
        if record.get("eventName", _CREATED).startswith(_CREATED)
    ]

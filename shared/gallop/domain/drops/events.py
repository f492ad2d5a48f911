"""Events of the inbox, and the objects that they report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Mapping

_CREATED = "ObjectCreated:"


def keys_in(event: Mapping[str, Any]) -> list[str]:
    """Return the keys of the objects that an event reports as created: by put, post, copy or multipart upload.

    S3's own notifications encode keys as in a form, events through EventBridge do not: a key is decoded once or not at
    all. S3's test message reports no object.

    Raises:
        KeyError: the event is not one of S3.

    """
    if "detail-type" in event:
        return [event["detail"]["object"]["key"]] if event["detail-type"] == "Object Created" else []
    if event.get("Event") == "s3:TestEvent":
        return []
    return [
        # Bytes that are not UTF-8 become surrogates, which no name may have.
        unquote_plus(record["s3"]["object"]["key"], errors="surrogateescape")
        for record in event["Records"]
        if record.get("eventName", _CREATED).startswith(_CREATED)
    ]

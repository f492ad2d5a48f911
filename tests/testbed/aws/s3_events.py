"""S3 event notifications in S3's format, of which moto has only a part."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable

_sequence = count(1)


def event(now: Callable[[], float], event_name: str, bucket: Any, key: Any, rule: str) -> dict[str, Any]:  # noqa: ANN401
    """Describe an object's event; ``bucket`` and ``key`` are moto's, ``rule`` is the notification's ID."""
    name = str(getattr(event_name, "value", event_name)).removeprefix("s3:")
    described: dict[str, Any] = {"key": quote_plus(key.name, safe="/"), "sequencer": f"{next(_sequence):018X}"}
    if name.startswith("ObjectCreated:"):
        described |= {"size": key.size, "eTag": key.etag.strip('"')}
    if bucket.is_versioned:
        described["versionId"] = key.version_id
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region_name,
        "eventTime": timestamp(now()),
        "eventName": name,
        "userIdentity": {"principalId": "AWS:AIDATESTBED"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {
            "x-amz-request-id": secrets.token_hex(8).upper(),
            "x-amz-id-2": secrets.token_urlsafe(48),
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": rule,
            "bucket": {"name": bucket.name, "ownerIdentity": {"principalId": "ATESTBED"}, "arn": bucket.arn},
            "object": described,
        },
    }
    return {"Records": [record]}


def timestamp(seconds: float) -> str:
    """Format an epoch time as AWS does in events: UTC, milliseconds, ``Z``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

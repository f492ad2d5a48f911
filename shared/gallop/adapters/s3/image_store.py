"""Images that Gallop keeps for a client in the inbox: each content once, under its own hash."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from http import HTTPStatus

from gallop import clock, settings
from gallop.adapters import aws
from gallop.adapters.s3 import buckets
from gallop.domain.errors import AwsTrouble, NoSuchObject

# The second answer means that another write of the same key is in progress.
EXISTS = (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT)
MAX_TRIES = 8


@aws.guarded
def put(client_name: str, data: bytes, media_type: str) -> tuple[str, str]:
    """Store an image in the inbox under its own hash, unless it is there; return its key and version."""
    suffix = media_type.partition("/")[2]
    key = f"uploads/{client_name}/{hashlib.sha256(data).hexdigest()}.{suffix}"
    for _ in range(MAX_TRIES):
        version_id = _put_if_absent(key, data, media_type)
        if version_id is not None:
            return key, version_id
        # It may be deleted in between.
        with suppress(NoSuchObject):
            return key, buckets.version_of(key)
        clock.sleep(0.1)
    raise AwsTrouble(f"An image of {client_name} kept appearing and disappearing.")


def _put_if_absent(key: str, data: bytes, media_type: str) -> str | None:
    client, bucket = aws.s3(), settings.inbox_bucket()
    try:
        response = client.put_object(Bucket=bucket, Key=key, Body=data, ContentType=media_type, IfNoneMatch="*")
    except client.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] not in EXISTS:
            raise
        return None
    return response.get("VersionId", "")

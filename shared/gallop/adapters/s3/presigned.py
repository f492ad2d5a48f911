"""Presigned URLs and forms: anyone who has one can use one object of the buckets for a limited time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws

if TYPE_CHECKING:
    from collections.abc import Mapping

# Maximums: a URL also expires with the session of the role that signed it, for whose length AWS gives no guarantee.
# With the default MaxInFlight DashScope fetches within minutes.
SECONDS_FOR_VENDOR = 6 * 3600
SECONDS_FOR_CLIENT = 3600
SECONDS_FOR_UPLOAD = 3600


def url_for_vendor(bucket: str, key: str, version_id: str) -> str:
    """Presign a URL from which DashScope fetches an input while the task waits and runs."""
    return _presigned(bucket, key, version_id, SECONDS_FOR_VENDOR, {})


def url_for_client(bucket: str, key: str, version_id: str, media_type: str, disposition: str = "") -> str:
    """Presign a URL from which a client downloads a video, valid for an hour.

    ``disposition`` is the header Content-Disposition of the answer.
    """
    named = {"ResponseContentDisposition": disposition} if disposition else {}
    return _presigned(bucket, key, version_id, SECONDS_FOR_CLIENT, {"ResponseContentType": media_type, **named})


def form_for_upload(key: str, media_type: str, limit: int) -> dict[str, Any]:
    """Presign a form (``url`` and ``fields``) that uploads one file of this type, up to ``limit`` bytes, to a key."""
    return aws.s3().generate_presigned_post(
        settings.inbox_bucket(),
        key,
        Fields={"Content-Type": media_type},
        Conditions=[{"Content-Type": media_type}, ["content-length-range", 1, limit]],
        ExpiresIn=SECONDS_FOR_UPLOAD,
    )


def _presigned(bucket: str, key: str, version_id: str, seconds: int, more: Mapping[str, str]) -> str:
    version = {"VersionId": version_id} if version_id else {}
    return aws.s3().generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key, **version, **more}, ExpiresIn=seconds
    )

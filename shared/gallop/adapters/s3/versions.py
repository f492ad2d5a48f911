"""Versions of objects, listed and deleted permanently; only an operator's commands delete what was dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.adapters import aws
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@frozen
class Version:
    """A version of an object, or a marker that says that it was deleted."""

    key: str
    version_id: str
    is_latest: bool


@aws.guarded
def under(bucket: str, prefix: str) -> list[Version]:
    """Return every version of every object under a prefix, with the markers of deleted ones."""
    return list(_pages(bucket, prefix))


@aws.guarded
def remove(bucket: str, versions: Iterable[Version]) -> None:
    """Delete versions permanently."""
    for version in versions:
        aws.s3().delete_object(Bucket=bucket, Key=version.key, VersionId=version.version_id)


def _pages(bucket: str, prefix: str) -> Iterator[Version]:
    for page in aws.s3().get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for found in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            yield Version(found["Key"], found["VersionId"], found["IsLatest"])

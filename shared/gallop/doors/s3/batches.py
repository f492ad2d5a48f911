"""Batches of the S3 door: a ``batch.jsonl`` that is quiet becomes an execution, and each of its lines a job in turn.

As with any drop, an event says only that something changed, and a message that comes back after the quiet time finds
whether it still looks the same. The lines' jobs are created one after the other, as many at a time as the template
says; who waits for a job to end holds a token, which the job's own end gives back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import clock, log, settings
from gallop.adapters import drop_queue
from gallop.adapters.s3 import buckets
from gallop.adapters.table import batches as batch_table
from gallop.domain.drops import batch as batches
from gallop.domain.errors import (
    NoSuchObject,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def arrive(key: str) -> None:
    """Take the news that a batch was uploaded: look again when it has been quiet."""
    listing = buckets.list_beside(key)
    if any(entry.key == key and entry.size for entry in listing):
        look = {"key": key, "digest": batches.digest_of(listing)}
        drop_queue.send_later({"batch": look}, settings.quiet_seconds())


def look_again(look: Mapping[str, Any]) -> None:
    """Start a batch if nothing in its folder has changed since, and else wait once more."""
    key = look["key"]
    if batches.digest_of(buckets.list_beside(key)) != look["digest"]:
        arrive(key)
        return
    try:
        version_id = buckets.version_of(key)
    except NoSuchObject:
        return
    batch = batches.batch_of(key, version_id, clock.now())
    batch_table.start(batch)
    log.info("batch started", batch=batch.id, path=batch.path)

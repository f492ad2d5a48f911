"""Batches of the S3 door: a ``batch.jsonl`` that is quiet starts an execution, which creates a job for each line.

As with any drop, an event says only that something changed, and a message that is delivered after the quiet time
checks whether the folder is still the same. The jobs are created in the order of the lines, and as many run at a time
as the template allows; a line waits for the end of its job with a task token. A CANCEL starts an execution of its own,
which cancels what has not begun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import clock, log, settings
from gallop.adapters import drop_queue
from gallop.adapters.s3 import buckets, unfinished_uploads
from gallop.adapters.table import batches as batch_table
from gallop.domain.drops import batch as batches
from gallop.domain.drops import drop as drops
from gallop.domain.drops import quiet
from gallop.domain.errors import NoSuchObject

if TYPE_CHECKING:
    from collections.abc import Mapping


def arrive(key: str) -> None:
    """Schedule a check of an uploaded batch for after the quiet time."""
    listing = buckets.list_beside(key)
    if any(entry.key == key and entry.size for entry in listing):
        look = {"key": key, "digest": batches.digest_of(listing), "since": clock.now()}
        drop_queue.send_later({"batch": look}, quiet.seconds(settings.quiet_seconds(), (e.time for e in listing)))


def cancel(key: str) -> None:
    """Cancel the batches beside an uploaded CANCEL, unless they were uploaded after it."""
    listing = buckets.list_beside(drops.batch_cancelled_by(key) or key)
    for entry in listing:
        requested_at = batches.cancelled_at(entry.key, listing)
        if drops.is_batch(entry.key) and entry.size and requested_at is not None:
            batch = batches.batch_of(entry.key, buckets.version_of(entry.key), clock.now())
            # What is not read yet says so in its receipt, as a batch without a line that starts.
            batch_table.start(batch)
            batch_table.start_cancel(batch, requested_at)
            log.info("batch cancel requested", batch=batch.id, path=batch.path)


def look_again(look: Mapping[str, Any]) -> None:
    """Start a batch if nothing in its folder has changed meanwhile; otherwise schedule another check."""
    key, listing = look["key"], buckets.list_beside(look["key"])
    if batches.digest_of(listing) != look["digest"]:
        arrive(key)
        return
    # Messages of earlier versions have no time.
    is_patient = clock.now() < look.get("since", 0.0) + quiet.MAX_UPLOAD_SECONDS
    is_patient &= batches.cancelled_at(key, listing) is None
    if is_patient and drops.pending(unfinished_uploads.directly_under(batches.batch_of(key, "", 0).beside), listing):
        drop_queue.send_later({"batch": look}, settings.quiet_seconds())
        return
    try:
        version_id = buckets.version_of(key)
    except NoSuchObject:
        return
    batch = batches.batch_of(key, version_id, clock.now())
    batch_table.start(batch)
    log.info("batch started", batch=batch.id, path=batch.path)

"""Tells in the results bucket how a job stands: the one place that writes a job's receipts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from gallop import settings
from gallop.domain import receipts
from gallop.domain.job import JobState, Result
from gallop.edges import objects

if TYPE_CHECKING:
    from gallop.domain.job import Job


def status(job: Job) -> None:
    """Tell the job's state."""
    objects.put_receipt(f"{job.receipts}/{receipts.STATUS}", receipts.status_receipt(job))


def end(job: Job) -> None:
    """Tell what came of a job that has ended."""
    if job.state is JobState.SUCCEEDED:
        objects.put_receipt(f"{job.receipts}/{receipts.VIDEO_DETAILS}", receipts.video_receipt(job))
    else:
        objects.put_receipt(f"{job.receipts}/{receipts.ERROR}", receipts.failure_receipt(job))
    status(job)


def thumbnail(job: Job, jpeg: bytes) -> Result:
    """Store the picture of a job's video beside it."""
    key = f"{job.receipts}/{receipts.THUMBNAIL}"
    return Result(
        bucket=settings.results_bucket(),
        key=key,
        version_id=objects.put_picture(key, jpeg),
        size=len(jpeg),
        sha256=hashlib.sha256(jpeg).hexdigest(),
        content_type=objects.JPEG,
    )

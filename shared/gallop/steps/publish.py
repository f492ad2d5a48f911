"""Tells in the results bucket how a job stands: the one place that writes a job's receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.domain import receipts
from gallop.domain.job import JobState
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

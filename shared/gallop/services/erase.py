"""Deletes an ended job and everything that belongs to it: its inputs, video, receipts and, last, its record.

The record of an Idempotency-Key stays for its time: a repetition of that create must not be a new job.
A run that crashes leaves the record, so that the next run can delete the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop import log
from gallop.adapters.s3 import buckets
from gallop.adapters.table import idempotency_records, image_references, jobs
from gallop.domain.doors import Door
from gallop.domain.errors import JobNotDeletable, JobNotFinished
from gallop.domain.groups import first_id
from gallop.domain.request import uploads
from gallop.services import closing, stored_images
from gallop.services.groups import members

if TYPE_CHECKING:
    from gallop.domain.job import Job


def erase(job: Job) -> None:
    """Delete a job of the HTTPS door. Images that other jobs use are kept.

    Raises:
        JobNotDeletable: it came through the S3 door.
        JobNotFinished: it has not ended, or its last receipts are being written.

    """
    if job.door is not Door.HTTPS:
        raise JobNotDeletable("Without its record, the dropped files would start a job, and be charged, again.")
    if not closing.is_closed(job):
        raise JobNotFinished(f"The job is {job.state.value}, or its last receipts are still being written.")
    release_inputs(job)
    buckets.remove_results(f"{job.receipts}/")
    if job.content_name and not (job.group and len(members(job.group.id)) > 1):
        idempotency_records.forget(job.content_name, first_id(job))
    jobs.erase(job)
    log.info("job erased", job_id=job.id)


def release_inputs(job: Job) -> None:
    """Delete the images and videos that Gallop stores for a job, except those that other jobs use."""
    for found in uploads.inputs_of(job.request.sources, job.client):
        image_references.release(found, job.id)
        stored_images.remove(found)

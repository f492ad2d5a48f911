"""Removes a job that has ended, and all that is its own: images, video, receipts, and at last its record.

Killed at any point, it leaves the record, and the next run does the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop import log
from gallop.adapters.s3 import buckets
from gallop.adapters.table import image_references, jobs
from gallop.domain.doors import Door
from gallop.domain.errors import JobNotDeletable, JobNotFinished
from gallop.domain.request import uploads

if TYPE_CHECKING:
    from gallop.domain.job import Job


def erase(job: Job) -> None:
    """Remove a job of the HTTPS door. Images that another job uses as well stay for that one.

    Raises:
        JobNotDeletable: it is the S3 door's.
        JobNotFinished: it has not ended, or its last receipts are being written.

    """
    if job.door is not Door.HTTPS:
        raise JobNotDeletable("Without its record, the files that were dropped would be made, and charged, once more.")
    if not jobs.is_closed(job):
        raise JobNotFinished(f"The job is {job.state.value}, or its last receipts are just being written.")
    for found in uploads.inputs_of(job.request.images, job.client):
        if image_references.release(found, job.id):
            buckets.remove_input(found)
    buckets.remove_results(f"{job.receipts}/")
    jobs.erase(job)
    log.info("job erased", job_id=job.id)

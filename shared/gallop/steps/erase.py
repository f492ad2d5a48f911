"""Removes a job that has ended, and all that is its own: images, video, receipts, and at last its record.

Killed at any point, it leaves the record, and the next run does the rest.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gallop import log
from gallop.domain.images import StoredImage
from gallop.domain.job import Door, Job
from gallop.edges import objects, store
from gallop.errors import JobNotFinished

if TYPE_CHECKING:
    from collections.abc import Iterator

# An image that came inside the request: stored for this job, in a version of its own. Others may be other jobs', too.
_KEPT = re.compile(r"uploads/.+/[0-9a-f]{64}\.[a-z]+")


def erase(job: Job) -> None:
    """Remove a job of the HTTPS door.

    Raises:
        JobNotFinished: it has not ended, or its last receipts are being written, or it is the S3 door's.

    """
    if job.door is not Door.HTTPS:
        raise JobNotFinished("A dropped job lives as long as its drop: remove its files from the buckets.")
    if not store.is_closed(job):
        raise JobNotFinished(f"The job is {job.state.value}, or its last receipts are just being written.")
    for image in _own_images(job):
        objects.remove_upload(image)
    objects.remove_results(f"{job.receipts}/")
    store.erase(job)
    log.info("job erased", job_id=job.id)


def _own_images(job: Job) -> Iterator[StoredImage]:
    for image in job.request.images:
        if isinstance(image, StoredImage) and image.version_id and _KEPT.fullmatch(image.key):
            yield image

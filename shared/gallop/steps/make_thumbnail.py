"""Makes a thumbnail of the finished video, and the contact sheet of its group.

Nothing waits for them: the job has succeeded, even if this step fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop import log
from gallop.adapters.s3 import ranged_reader
from gallop.adapters.table import job_items, jobs
from gallop.domain import groups
from gallop.domain.job import JobState
from gallop.media import frames
from gallop.services import contact_sheet, publish
from gallop.steps import step

if TYPE_CHECKING:
    from gallop.domain.job import Job, Result
    from gallop.steps.step import Step


def make_thumbnail(job_id: str) -> Step:
    """Store a frame of the video of a job as its thumbnail, if the video has a frame that can be used.

    A definition of an earlier version asks for it before the job has ended.

    Raises:
        AwsTrouble: a bucket or the table returned an error.

    """
    job = jobs.get(job_id)
    if job.state not in (JobState.STORING, JobState.SUCCEEDED) or job.result is None:
        return step.finish()
    if job.thumbnail is None:
        _make(job, job.result)
    if groups.in_drop(job):
        contact_sheet.renew(job)
    return step.finish()


def _make(job: Job, result: Result) -> None:
    with ranged_reader.opened(result) as video:
        jpeg = frames.extract(video)
    if jpeg is None:
        log.warning("no thumbnail", job_id=job.id)
        return
    thumbnail = publish.put_thumbnail(job, jpeg)
    if jobs.note(job, "thumbnail", job_items.FILE.write(thumbnail)):
        log.info("thumbnail stored", job_id=job.id, size=thumbnail.size)

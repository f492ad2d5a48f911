"""Makes a thumbnail of the finished video. Nothing depends on it: the workflow continues even if this step fails."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gallop import clock, log
from gallop.adapters.s3 import ranged_reader
from gallop.adapters.table import jobs
from gallop.domain.job import JobState
from gallop.media import frames
from gallop.services import publish
from gallop.steps import step

if TYPE_CHECKING:
    from gallop.steps.step import Step


def make_thumbnail(job_id: str) -> Step:
    """Store a frame of the video of a job in ``storing`` as its thumbnail, if the video has a frame that can be used.

    Raises:
        WrongState: the job has ended meanwhile.
        AwsTrouble: a bucket or the table returned an error.

    """
    job = jobs.get(job_id)
    if job.state is not JobState.STORING or job.result is None or job.thumbnail:
        return step.finish()
    with ranged_reader.opened(job.result) as video:
        jpeg = frames.extract(video)
    if jpeg is None:
        log.warning("no thumbnail", job_id=job.id)
        return step.finish()
    thumbnail = publish.put_thumbnail(job, jpeg)
    jobs.advance(job, replace(job.at(job.state, clock.now()), thumbnail=thumbnail))
    log.info("thumbnail stored", job_id=job.id, size=thumbnail.size)
    return step.finish()

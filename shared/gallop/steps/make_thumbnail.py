"""Makes a picture of the finished video. Nothing depends on it: the workflow goes on whatever becomes of this step."""

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
    """Store a frame of the video of a job that is in ``storing``, if one of its frames shows something.

    Raises:
        WrongState: the job has ended since.
        AwsTrouble: a bucket or the table did not do what was asked.

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

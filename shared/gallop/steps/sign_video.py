"""Signs the finished video with the certificate of the stack's owner, into a second file beside it.

Nothing waits for it: the job has succeeded, even if this step fails. The first file stays as it is.
"""

from __future__ import annotations

from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from gallop import log, metrics
from gallop.adapters.s3 import ranged_reader
from gallop.adapters.table import job_items, jobs
from gallop.domain.credentials import MAX_BYTES, CannotSign, Unsigned
from gallop.domain.errors import AwsTrouble
from gallop.domain.job import JobState
from gallop.domain.manifest import manifest_of
from gallop.domain.metrics import Metric
from gallop.services import publish, signer
from gallop.steps import step

if TYPE_CHECKING:
    from gallop.domain.job import Job, Result
    from gallop.steps.step import Step


def sign_video(job_id: str) -> Step:
    """Store a signed copy of the video of a job that has succeeded, or record why there is none.

    Raises:
        AwsTrouble: a bucket or the table returned an error.

    """
    job = jobs.get(job_id)
    if job.state is not JobState.SUCCEEDED or job.result is None or job.signed or job.unsigned:
        return step.finish()
    try:
        signed = _signed(job, job.result)
    except CannotSign as cannot:
        _note_failure(job, cannot)
        return step.finish()
    if jobs.note(job, "signed", job_items.FILE.write(signed)):
        log.info("video signed", job_id=job.id, size=signed.size)
    return step.finish()


def trial() -> dict[str, Any]:
    """Sign a small video and keep nothing; return why that is impossible, if it is, and when the certificate ends."""
    return signer.trial()


def _signed(job: Job, video: Result) -> Result:
    identity = signer.identity()
    if video.size > MAX_BYTES:
        raise CannotSign(Unsigned.VIDEO_TOO_LARGE)
    # Without a name: what a run leaves that is stopped needs no room on the disk.
    with TemporaryFile() as original, TemporaryFile() as copy:
        if ranged_reader.copy(video, original.write) != video.sha256:
            raise AwsTrouble("get_object: the video is not the one that was stored")
        signer.sign(original, copy, identity, manifest_of(job))
        return publish.put_signed(job, copy)


def _note_failure(job: Job, cannot: CannotSign) -> None:
    if jobs.note(job, "unsigned", cannot.why.value):
        metrics.count(Metric.VIDEOS_UNSIGNED)
        log.warning("video not signed", job_id=job.id, reason=cannot.why.value, error=cannot.detail)

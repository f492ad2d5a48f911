"""Streams the finished video from DashScope into the results bucket, and lets nothing but a whole MP4 appear there."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never
from urllib.parse import urlsplit

from gallop import clock, log, settings
from gallop.adapters import dashscope, secrets
from gallop.adapters.s3 import buckets
from gallop.adapters.table import jobs
from gallop.domain.dashscope import replies
from gallop.domain.dashscope.mp4 import BoxWalk
from gallop.domain.drops import receipts
from gallop.domain.errors import ResultExpired, ResultIncomplete, ResultUnusable
from gallop.domain.job import Job, JobState, Result
from gallop.services import poll_schedule, publish
from gallop.steps import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.steps.step import Step

CONTENT_TYPE = "video/mp4"


def save_result(job_id: str) -> Step:
    """Fetch the video of a job that is in ``storing``.

    Raises:
        VendorThrottled, VendorUnavailable, VendorUnreachable: DashScope gave no answer, or no video, this time.
        ResultIncomplete, ResultUnusable: what came is no whole video; nothing was stored.
        ResultExpired: DashScope says that there is none any more.

    """
    job = jobs.get(job_id)
    if job.state is not JobState.STORING or job.result:
        return step.finish()
    # The last question was the one that it has ended, or that of an earlier run of this step.
    poll_schedule.keep_apart(clock.now())
    # The address is asked for anew each time and kept nowhere: it is a key to the video for a day.
    task = dashscope.query(job.base_url, secrets.dashscope_key(job.key_name), job.task_id)
    match task:
        case replies.TaskSucceeded(video_url):
            return _save(job, video_url)
        case replies.TaskUnknown():
            raise ResultExpired(f"DashScope no longer has the video of task {job.task_id}: it keeps them for 24 hours.")
        case replies.TaskWaiting() | replies.TaskFailed() | replies.TaskCanceled():
            raise ResultIncomplete("DashScope takes back that the task has ended.")
    assert_never(task)


def _save(job: Job, url: str) -> Step:
    if not _is_the_vendors(url, job.base_url):
        raise ResultUnusable("DashScope's answer names no address of its own for the video.")
    copy = _Copy()
    key = f"{publish.prefix_of(job)}/{receipts.VIDEO}"
    with dashscope.download(url) as (length, pieces):
        version = buckets.store_stream(key, copy.through(pieces), CONTENT_TYPE, lambda: copy.verify(length), job.id)
    result = Result(
        bucket=settings.results_bucket(),
        key=key,
        version_id=version,
        size=copy.size,
        sha256=copy.digest.hexdigest(),
        content_type=CONTENT_TYPE,
    )
    publish.move_files(jobs.advance(job, replace(job.at(job.state, clock.now()), result=result)))
    log.info("video stored", job_id=job.id, size=result.size)
    return step.finish()


class _Copy:
    """What is learned of the bytes while they pass."""

    def __init__(self) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self._boxes = BoxWalk()

    def through(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.size += len(piece)
            self.digest.update(piece)
            self._boxes.feed(piece)
            if self._boxes.is_foreign:
                raise ResultUnusable("What DashScope delivered is not an MP4 file.")
            yield piece

    def verify(self, length: int | None) -> None:
        if length is not None and length != self.size:
            raise ResultIncomplete(f"The video has {self.size} bytes where {length} were announced.")
        complaint = self._boxes.complaint()
        if complaint:
            raise ResultIncomplete(f"The video cannot be used: {complaint}.")


def _is_the_vendors(url: str, base_url: str) -> bool:
    # Hosts change and there is no list (fact sheet §2), but all lie under one name; or it is DashScope's own host.
    try:
        parts, base = urlsplit(url), urlsplit(base_url)
    except ValueError:
        return False
    own = parts.scheme == base.scheme and parts.netloc == base.netloc
    return own or (parts.scheme in ("https", "http") and (parts.hostname or "").endswith(".aliyuncs.com"))

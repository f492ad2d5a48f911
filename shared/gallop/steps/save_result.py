"""Streams the finished video from DashScope into the results bucket; only a complete MP4 file appears there."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never
from urllib.parse import urlsplit

from gallop import clock, log, settings
from gallop.adapters import dashscope
from gallop.adapters.pieces import joined
from gallop.adapters.s3 import buckets
from gallop.adapters.table import jobs
from gallop.domain import provenance
from gallop.domain.dashscope import replies
from gallop.domain.dashscope.mp4 import BoxWalk
from gallop.domain.drops import receipts
from gallop.domain.errors import ResultExpired, ResultIncomplete, ResultUnusable
from gallop.domain.job import Job, JobState, Result
from gallop.media import marks
from gallop.services import publish, vendor_host
from gallop.steps import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.steps.step import Step


def save_result(job_id: str) -> Step:
    """Save the video of a job in ``storing``; return what comes next.

    Raises:
        VendorThrottled, VendorUnavailable, VendorUnreachable: DashScope did not answer, or did not send the video.
        ResultIncomplete, ResultUnusable: the download is not a complete video; nothing was stored.
        ResultExpired: DashScope no longer has the video.

    """
    job = jobs.get(job_id)
    if job.state is not JobState.STORING or job.result:
        return step.finish()
    # The URL is requested each time and never stored: for a day, it gives anyone access to the video.
    job, task = vendor_host.query(job)
    match task:
        case replies.TaskSucceeded(video_url):
            return _save(job, video_url)
        case replies.TaskUnknown():
            raise ResultExpired(f"DashScope no longer has the video of task {job.task_id}: it keeps them for 24 hours.")
        case replies.TaskWaiting() | replies.TaskFailed() | replies.TaskCanceled():
            raise ResultIncomplete("DashScope no longer reports the task as finished.")
    assert_never(task)


def _save(job: Job, url: str) -> Step:
    url = _vendor_url(url, job.base_url)
    copy = _Copy()
    key = f"{publish.prefix_of(job)}/{receipts.VIDEO}"
    with dashscope.download(url) as (length, pieces):
        version = buckets.store_stream(
            key, copy.through(pieces), buckets.MP4, lambda: copy.verify(length), _metadata(job)
        )
    result = Result(
        bucket=settings.results_bucket(),
        key=key,
        version_id=version,
        size=copy.size,
        sha256=copy.digest.hexdigest(),
        content_type=buckets.MP4,
    )
    saved = replace(job.at(job.state, clock.now()), result=result, marks=marks.found_by(copy.boxes))
    publish.move_files(jobs.advance(job, saved))
    log.info("video stored", job_id=job.id, size=result.size)
    return step.finish()


def _metadata(job: Job) -> dict[str, str]:
    return {buckets.OWNER: job.id, **provenance.metadata(job)}


class _Copy:
    """Measures and checks a video while it is copied."""

    def __init__(self) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self.boxes = BoxWalk(marks.KEEP)

    def through(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - most runs do not get here, and start sooner

        # A few large pieces are hashed and sent faster than many small ones. Each is hashed while the next one arrives.
        with ThreadPoolExecutor(1) as hasher:
            hashed = None
            for piece in joined(self._checked(pieces), buckets.PART_BYTES):
                if hashed:
                    hashed.result()
                self.size += len(piece)
                hashed = hasher.submit(self.digest.update, piece)
                yield piece

    def _checked(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.boxes.feed(piece)
            if self.boxes.is_foreign:
                raise ResultUnusable("What DashScope delivered is not an MP4 file.")
            yield piece

    def verify(self, length: int | None) -> None:
        if length is not None and length != self.size:
            raise ResultIncomplete(f"The video has {self.size} bytes instead of {length}.")
        problem = self.boxes.complaint()
        if problem:
            raise ResultIncomplete(f"The video cannot be used: {problem}.")


def _vendor_url(url: str, base_url: str) -> str:
    """Return the URL of a video on one of DashScope's hosts, with https unless it is at the address of the API."""
    try:
        parts, base = urlsplit(url), urlsplit(base_url)
    except ValueError:
        parts = base = urlsplit("")
    if parts.netloc and (parts.scheme, parts.netloc) == (base.scheme, base.netloc):
        return url
    # Hosts change and are not documented (fact sheet §2), but all are in one domain.
    if parts.scheme in ("https", "http") and (parts.hostname or "").endswith(".aliyuncs.com"):
        # The URL grants access to the video.
        return f"https:{url.partition(':')[2]}"
    raise ResultUnusable("The URL of the video is not on one of DashScope's hosts.")

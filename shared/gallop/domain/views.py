"""A job as the HTTPS door and webhooks show it."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from gallop.domain import models
from gallop.domain.dashscope import error_codes
from gallop.domain.failures import FAILURE_KINDS, remedy_text
from gallop.domain.job import Failure, Job, JobState, Result, is_terminal, openai_status
from gallop.domain.scheduling import histogram, polling

if TYPE_CHECKING:
    from gallop.domain.scheduling.histogram import Histogram
    from gallop.domain.scheduling.queue import QueuePosition


# A video is fetched in a few seconds.
STORING_SECONDS = 5


QUEUED_SECONDS = 60


def job_view(
    job: Job, now: float, known: Histogram | None = None, position: QueuePosition | None = None
) -> dict[str, Any]:
    """Show a job to its client: OpenAI's fields and words, and beside them our own.

    ``known`` is how long such tasks run, if that was learned; ``standing`` is how it stands in line, if it waits there.
    """
    request = job.request
    view: dict[str, Any] = {
        "id": job.id,
        "object": "video",
        "status": openai_status(job.state),
        "state": job.state.value,
        "progress": progress(job, now, known),
        "created_at": int(job.created_at),
        "updated_at": int(job.updated_at),
        "completed_at": int(job.ended_at) if job.ended_at else None,
        "expires_at": None,
        "model": request.model,
        "prompt": request.prompt,
        "images": len(request.images),
        "notes": list(job.notes),
        "resolution": request.resolution,
        "ratio": request.ratio,
        "duration": request.duration,
        "seconds": str(request.duration),
        "size": models.size(request.resolution, request.ratio),
        "seed": request.seed,
        "watermark": request.watermark,
        "metadata": dict(request.metadata),
        "priority": request.priority,
        **_queue_view(position),
        "remixed_from_video_id": None,
        "estimated_cost": float(job.estimated_cost),
        "cost": None if job.cost is None else float(job.cost),
        "currency": "USD",
        "error": error_view(job),
    }
    return {**view, **_files_view(job)}


def _queue_view(position: QueuePosition | None) -> dict[str, int | None]:
    if position is None:
        return {"queue_position": None, "estimated_start": None}
    return {"queue_position": position.position, "estimated_start": int(position.starts_at)}


def _files_view(job: Job) -> dict[str, Any]:
    content, view = f"/v1/videos/{job.id}/content", {}
    if job.result:
        view["video"] = {
            **file_facts(job.result),
            "s3": f"s3://{job.result.bucket}/{job.result.key}",
            "content": content,
        }
    if job.thumbnail:
        s3 = f"s3://{job.thumbnail.bucket}/{job.thumbnail.key}"
        view["thumbnail"] = {**file_facts(job.thumbnail), "s3": s3, "content": f"{content}?variant=thumbnail"}
    return view


def error_view(job: Job, failure: Failure | None = None) -> dict[str, str] | None:
    """Show why a job failed, in the words of its door; ``failure`` is the job's own if not given."""
    failure = failure or job.failure
    if failure is None:
        return None
    vendor = {"vendor_code": failure.vendor_code, "vendor_message": failure.vendor_message}
    return {
        "code": failure.code,
        "message": failure.message,
        **(vendor if failure.vendor_code else {}),
        "remedy": remedy_of(job, failure),
    }


def remedy_of(job: Job, failure: Failure) -> str:
    """Say what to do about a failure: DashScope's own code decides, if it gave one."""
    if failure.vendor_code:
        return remedy_text(job, failure, error_codes.meaning(failure.vendor_code).remedy)
    return remedy_text(job, failure, FAILURE_KINDS[failure.code].remedy)


def progress(job: Job, now: float, known: Histogram | None = None) -> int:
    """Estimate how far a job is, in percent."""
    if job.state is JobState.SUCCEEDED:
        return 100
    if job.state is JobState.STORING:
        return 99
    if job.state is JobState.RUNNING:
        return polling.progress_percent(known or _published(job), job.task_age(now))
    return 0


def poll_after_seconds(job: Job, now: float, known: Histogram | None = None, starts_at: float | None = None) -> int:
    """Tell a client when it is worth asking again: when we would ask DashScope, or when its turn may have come.

    ``starts_at`` is when that is likely; a line may move faster, so that nobody is told to wait more than a minute.
    """
    if is_terminal(job.state):
        return 1
    if job.state is JobState.STORING:
        return STORING_SECONDS
    until_turn = min(ceil(starts_at - now), QUEUED_SECONDS) if starts_at else 0
    return max(polling.next_wait(known or _published(job), job.task_age(now)), until_turn)


def _published(job: Job) -> Histogram:
    return histogram.seed(job.request.resolution, job.request.duration)


def file_facts(result: Result) -> dict[str, Any]:
    """Show a file of the results bucket: size in bytes, hash and type."""
    return {"bytes": result.size, "sha256": result.sha256, "content_type": result.content_type}

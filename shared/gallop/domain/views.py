"""Jobs as the HTTPS door and webhooks show them."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from gallop.domain import credentials, groups, models, provenance
from gallop.domain.dashscope import error_codes
from gallop.domain.failures import FAILURE_KINDS, remedy_text
from gallop.domain.job import Failure, Job, JobState, Result, is_terminal, openai_status
from gallop.domain.lanes import DEFAULT_ACCOUNT
from gallop.domain.regions import region_of
from gallop.domain.request import estimate, media
from gallop.domain.scheduling import polling, run_times

if TYPE_CHECKING:
    from gallop.domain.request.request import VideoRequest
    from gallop.domain.scheduling.queue import QueuePosition
    from gallop.domain.scheduling.run_times import RunTimes


# Downloading a video takes a few seconds.
STORING_SECONDS = 5
# The longest that a client waits between two polls of a queued job, which may start earlier than estimated.
QUEUED_SECONDS = 60


def job_view(
    job: Job, now: float, api_url: str, known: RunTimes | None = None, position: QueuePosition | None = None
) -> dict[str, Any]:
    """Return a job as its client sees it: OpenAI's fields and values, and Gallop's own.

    ``api_url`` is the API's address without a slash at the end, ``known`` how long such tasks ran
    last if that was read, and ``position`` the job's position in the queue if it is waiting there.
    """
    request = job.request
    view: dict[str, Any] = {
        "id": job.id,
        "object": "video",
        "status": openai_status(job.state),
        "state": job.state.value,
        "client": job.client,
        "door": job.door.value,
        "receipts": job.receipts,
        "progress": progress(job, now, known),
        "created_at": int(job.created_at),
        "updated_at": int(job.updated_at),
        "completed_at": int(job.ended_at) if job.ended_at else None,
        "expires_at": None,
        **request_view(request),
        "notes": list(job.notes),
        "metadata": dict(request.metadata),
        "priority": request.priority,
        **_queue_view(position),
        **where_view(job),
        "remixed_from_video_id": None,
        "estimated_cost": float(job.estimated_cost),
        "estimated_cost_detail": job.estimate and job.estimate.view(),
        "cost": None if job.cost is None else float(job.cost),
        "currency": "USD",
        "error": error_view(job),
        "provenance": provenance.view(job),
    }
    return {**view, **groups.place_view(job), **_files_view(job, api_url)}


def request_view(request: VideoRequest) -> dict[str, Any]:
    """Return what was requested: Gallop's fields, and OpenAI's ``seconds`` and ``size``.

    Parameters that the model does not have are null. ``size`` is null if the input decides it.
    """
    model = models.MODELS.get(request.model)
    return {
        "model": request.model,
        "kind": model.kind.value if model else None,
        "prompt": request.prompt,
        "images": len(request.images),
        "media": [media.view(medium) for medium in request.media],
        **dict.fromkeys(models.parameters()),
        **request.parameters,
        "seconds": f"{estimate.output_seconds(request):g}",
        "size": models.size(request.resolution, str(request.parameters.get("ratio", ""))),
    }


def where_view(job: Job) -> dict[str, Any]:
    """Return on which account a job runs or ran, in which region and price scope, and where it may run.

    It belongs to an account from its slot on, until its end; before that all but the ``placement`` are null.
    """
    account = account_of(job)
    return {
        "account": account,
        "region": account and region_of(job.base_url),
        "price_scope": account and job.scope.value,
        "placement": job.request.placement.view(),
    }


def account_of(job: Job) -> str | None:
    """Return the account that a job belongs to; None before it has a slot."""
    return None if job.slot_since is None else job.account or DEFAULT_ACCOUNT


def _queue_view(position: QueuePosition | None) -> dict[str, int | None]:
    if position is None:
        return {"queue_position": None, "estimated_start": None}
    return {"queue_position": position.position, "estimated_start": int(position.starts_at)}


def _files_view(job: Job, api_url: str) -> dict[str, Any]:
    content, view = f"{api_url}/v1/videos/{job.id}/content", {}
    if job.result:
        view["video"] = _file_view(job.result, content)
    if job.thumbnail:
        view["thumbnail"] = _file_view(job.thumbnail, f"{content}?variant=thumbnail")
    signed = _file_view(job.signed, f"{content}?variant=signed") if job.signed else None
    if shown := credentials.view(job, signed):
        view["credentials"] = shown
    return view


def _file_view(file: Result, content: str) -> dict[str, Any]:
    return {**file_facts(file), "s3": f"s3://{file.bucket}/{file.key}", "content": content}


def error_view(job: Job, failure: Failure | None = None) -> dict[str, str] | None:
    """Return why a job failed, with the remedy for its door; ``failure`` is the job's own if not given."""
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


def progress(job: Job, now: float, known: RunTimes | None = None) -> int:
    """Estimate the progress of a job, in percent."""
    if job.state is JobState.SUCCEEDED:
        return 100
    if job.state is JobState.STORING:
        return 99
    if job.state is JobState.RUNNING:
        return polling.progress_percent(known or _published(job), job.task_age(now))
    return 0


def poll_after_seconds(job: Job, now: float, known: RunTimes | None = None, starts_at: float | None = None) -> int:
    """Return the seconds after which a client should poll again.

    That is when Gallop itself would poll DashScope, or when a queued job is likely to have started (``starts_at``, in
    seconds since the epoch), but at most ``QUEUED_SECONDS``, because a queue may move faster than estimated.
    """
    if is_terminal(job.state):
        return 1
    if job.state is JobState.STORING:
        return STORING_SECONDS
    until_start = min(ceil(starts_at - now), QUEUED_SECONDS) if starts_at else 0
    return max(polling.next_wait(known or _published(job), job.task_age(now)), until_start)


def _published(job: Job) -> RunTimes:
    return run_times.published(job.request.resolution, estimate.output_seconds(job.request))


def file_facts(result: Result) -> dict[str, Any]:
    """Describe a file of the results bucket: size in bytes, hash and type."""
    return {"bytes": result.size, "sha256": result.sha256, "content_type": result.content_type}

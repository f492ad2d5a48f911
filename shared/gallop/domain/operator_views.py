"""Jobs as the operator's commands show them: every fact that explains a job, without its prompt and its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.domain import groups, lanes, models, provenance
from gallop.domain.request import estimate
from gallop.domain.times import timestamp
from gallop.domain.views import error_view, where_view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gallop.domain.job import Job
    from gallop.domain.scheduling.queue import QueuePosition


def summary(job: Job) -> dict[str, Any]:
    """Return what a list shows of a job."""
    return {
        "id": job.id,
        "client": job.client,
        "door": job.door.value,
        "state": job.state.value,
        "is_parked": job.parked is not None and not job.ended_at,
        "model": job.request.model,
        "created_at": timestamp(job.created_at),
        "updated_at": timestamp(job.updated_at),
        "ended_at": _time(job.ended_at),
        **where_view(job),
        "estimated_cost": float(job.estimated_cost),
        "cost": None if job.cost is None else float(job.cost),
        "error": job.failure.code.value if job.failure else None,
    }


def details(job: Job, execution: str, position: QueuePosition | None, results_bucket: str) -> dict[str, Any]:
    """Return everything about a job. ``execution`` is the name of its newest execution."""
    return {
        **summary(job),
        **groups.place_view(job),
        **_request(job),
        "currency": "USD",
        "lane": lane_view(job.lane if job.slot_since else job.queue),
        "queue_position": position.position if position else None,
        "estimated_start": timestamp(position.starts_at) if position else None,
        "slot_since": _time(job.slot_since),
        "parked": _parked(job),
        "attempts": job.submits,
        "lost_replies": job.lost,
        "task_id": job.task_id or None,
        "is_adopted": job.is_adopted,
        "began_at": _time(job.began_at),
        "polls": job.polls,
        "execution": execution,
        "executions": job.resumes + 1,
        "interruption": _interruption(job),
        "deadline": timestamp(job.deadline),
        "error": error_view(job),
        "receipts": f"s3://{results_bucket}/{job.receipts}/",
        "video": f"s3://{job.result.bucket}/{job.result.key}" if job.result else None,
        "provenance": provenance.view(job),
    }


def lane_view(lane: str) -> dict[str, str]:
    """Return the parts of a lane: DashScope's region, the ARN of the key's secret, the account, and the model.

    In the name of a queue for only some accounts, ``placement`` says which.
    """
    region, _, rest = lane.partition("?")[0].partition("|")
    key, _, model = rest.rpartition("|")
    parts = {"region": region, "key": key.partition("#")[0], "account": lanes.account_in(lane), "model": model}
    return {**parts, "placement": lanes.placement_in(lane).text} if lanes.is_restricted(lane) else parts


def lane_name(lane: str) -> str:
    """Name a lane for people: its model and region, and its account unless it is the default one."""
    parts = lane_view(lane)
    if lanes.is_restricted(lane):
        return f"{parts['model']} (only {parts['placement']})"
    account = "" if lanes.has_queue(lane) else f" ({parts['account']})"
    return f"{parts['model']} in {parts['region']}{account}"


def _request(job: Job) -> Mapping[str, Any]:
    model = models.MODELS.get(job.request.model)
    return {
        "kind": model.kind.value if model else None,
        "seconds": estimate.output_seconds(job.request),
        "parameters": dict(job.request.parameters),
        "media": len(job.request.media),
        "priority": job.request.priority,
    }


def _parked(job: Job) -> dict[str, str] | None:
    if job.parked is None or job.ended_at:
        return None
    return {"reason": job.parked.reason, "until": timestamp(job.parked.until)}


def _interruption(job: Job) -> dict[str, str] | None:
    if job.interruption is None:
        return None
    failure = job.interruption.failure
    resume_at = timestamp(job.interruption.resume_at)
    return {"code": failure.code.value, "message": failure.message, "resume_at": resume_at}


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else timestamp(seconds)

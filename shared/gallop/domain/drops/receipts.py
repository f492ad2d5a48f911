"""The small files in the results bucket that tell a dropper how a job is going."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.domain.job import CANCELLED, CancelAnswer, Door, Failure, Job, JobState, is_terminal
from gallop.domain.request.images import image_record
from gallop.domain.times import timestamp
from gallop.domain.views import failure_view, file_facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.domain.budget import Parked
    from gallop.domain.errors import BudgetExceeded, Fault

STATUS = "status.json"
VIDEO = "video.mp4"
VIDEO_DETAILS = "video.json"
ERROR = "error.json"
THUMBNAIL = "thumbnail.jpg"
FILES = (VIDEO, VIDEO_DETAILS, ERROR, THUMBNAIL, STATUS)

_TRY_AGAIN = (
    "The same content is the same job: to try once more, change a word of the prompt, or write "
    '"metadata": {"try": 2} into job.json.'
)


def for_job(job: Job) -> dict[str, dict[str, Any]]:
    """Give the receipts of a job as it stands, by the names of their files."""
    ends: dict[str, dict[str, Any]] = {}
    if job.state is JobState.SUCCEEDED:
        ends[VIDEO_DETAILS] = video_receipt(job)
    elif is_terminal(job.state):
        ends[ERROR] = failure_receipt(job)
    return {**ends, STATUS: status_receipt(job)}


def status_receipt(job: Job) -> dict[str, Any]:
    """Tell how a job stands."""
    return {
        "job": job.id,
        "state": job.state.value,
        "since": timestamp(job.updated_at),
        "created": timestamp(job.created_at),
        "queue_position": job.queue_position.position if job.queue_position else None,
        "estimated_start": timestamp(job.queue_position.starts_at) if job.queue_position else None,
        "parked": _parked_view(job.parked, job.deadline) if job.parked and job.state is JobState.QUEUED else None,
        "estimated_cost": float(job.estimated_cost),
        "cost": None if job.cost is None else float(job.cost),
        "currency": "USD",
        "notes": list(job.notes),
        "dropped_again": None if job.dropped_again_at is None else timestamp(job.dropped_again_at),
        "cancel": job.cancel and _cancel_view(job.cancel),
        "note": _note(job),
        "error": _error_view(job, job.failure),
    }


def video_receipt(job: Job) -> dict[str, Any]:
    """Tell everything about a finished video."""
    request, result = job.request, job.result
    return {
        "job": job.id,
        "client": job.client,
        "door": job.door.value,
        "request": {
            "prompt": request.prompt,
            "images": [image_record(image) for image in request.images],
            "model": request.model,
            "resolution": request.resolution,
            "ratio": request.ratio,
            "duration": request.duration,
            "seed": request.seed,
            "watermark": request.watermark,
            "metadata": dict(request.metadata),
            "priority": request.priority,
        },
        "notes": list(job.notes),
        "task": {"task_id": job.task_id, "request_id": job.vendor_request_id, "polls": job.polls},
        "submits": job.submits,
        "usage": dict(job.usage or {}),
        "cost": None if job.cost is None else float(job.cost),
        "estimated_cost": float(job.estimated_cost),
        "currency": "USD",
        "created": timestamp(job.created_at),
        "running": timestamp(job.running_since) if job.running_since else None,
        "ended": timestamp(job.ended_at) if job.ended_at else None,
        "video": result and {"key": result.key, **file_facts(result)},
        "thumbnail": job.thumbnail and {"key": job.thumbnail.key, **file_facts(job.thumbnail)},
    }


def failure_receipt(job: Job) -> dict[str, Any]:
    """Tell why a job brought no video."""
    failure = job.failure or Failure("internal_error", "The job ended without a reason.")
    return {
        "job": job.id,
        "state": job.state.value,
        "error": _error_view(job, failure),
        "faults": [],
        "task_id": job.task_id or None,
        "ended": timestamp(job.ended_at or job.updated_at),
    }


def faults_receipt(faults: Sequence[Fault], now: float) -> dict[str, Any]:
    """Tell what keeps a drop from becoming a job."""
    return {
        "job": None,
        "state": "refused",
        "error": {
            "code": "invalid_request",
            "message": "; ".join(fault.message for fault in faults),
            "remedy": "Upload what is named here once more, mended. It starts by itself. Nothing was charged.",
        },
        "faults": [_fault_view(fault) for fault in faults],
        "time": timestamp(now),
    }


def refused(faults: Sequence[Fault], now: float) -> dict[str, dict[str, Any]]:
    """Say of a drop that it cannot start, and why."""
    status = {"job": None, "state": "refused", "since": timestamp(now), "note": f"{ERROR} says what to mend."}
    return {ERROR: faults_receipt(faults, now), STATUS: status}


def over_budget(over: BudgetExceeded, now: float) -> dict[str, dict[str, Any]]:
    """Say of a drop that it was not started, because a cap on what may be spent has no room for it."""
    remedy = f"{over.remedy} Upload any of its files once more then: it starts by itself."
    error = {"code": over.code, "message": str(over), "remedy": remedy}
    numbers = {"faults": [], "budget": over.shortfall.view(), "time": timestamp(now)}
    receipt = {"job": None, "state": "refused", "error": error, **numbers}
    status = {"job": None, "state": "refused", "since": timestamp(now), "note": f"{ERROR} says why."}
    return {ERROR: receipt, STATUS: status}


def incomplete(missing: Sequence[Fault], since: float, until: float) -> dict[str, dict[str, Any]]:
    """Say of a drop what it waits for, and until when."""
    status = {
        "job": None,
        "state": "incomplete",
        "since": timestamp(since),
        "waiting_for": [_fault_view(fault) for fault in missing],
        "until": timestamp(until),
    }
    return {STATUS: status}


def cancelled_before(asked_at: float) -> dict[str, dict[str, Any]]:
    """Say of a drop that it was cancelled before it became a job."""
    answer = CancelAnswer(CANCELLED, "It had not started, and does not. Nothing was charged.", asked_at)
    note = "Upload any of its files once more to start it after all."
    status = {
        "job": None,
        "state": CANCELLED,
        "since": timestamp(asked_at),
        "cancel": _cancel_view(answer),
        "note": note,
    }
    return {STATUS: status}


def _fault_view(fault: Fault) -> dict[str, str]:
    return {"file": fault.where, "problem": fault.problem, "remedy": fault.remedy}


def _cancel_view(cancel: CancelAnswer) -> dict[str, str]:
    return {"answer": cancel.answer, "message": cancel.message, "time": timestamp(cancel.time)}


def _parked_view(parked: Parked, deadline: float) -> dict[str, str]:
    message = f"{parked.reason} The job starts by itself when there is room; until then it costs nothing."
    return {"message": message, "until": timestamp(parked.until), "given_up": timestamp(deadline)}


def _error_view(job: Job, failure: Failure | None) -> dict[str, str] | None:
    """Show why a job failed; to a dropper, who creates nothing, in words of dropping."""
    view = failure_view(failure)
    if view is None or job.door is not Door.S3:
        return view
    remedy = (
        view["remedy"].replace("Create the job again", "Drop it again").replace("create the job again", "drop it again")
    )
    return {**view, "remedy": f"{remedy} {_TRY_AGAIN}".strip()}


def _note(job: Job) -> str | None:
    if job.dropped_again_at is None:
        return None
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        return f"The same content was dropped again, and its job has ended without a video. {_TRY_AGAIN}"
    return "The same content was dropped again: it is this job. It is made once, and charged once."

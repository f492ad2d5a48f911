"""Receipts: the small files in the results bucket that report the state of a drop and its job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.domain import credentials, groups, provenance
from gallop.domain.errors import AwsTrouble
from gallop.domain.failure_codes import FailureCode
from gallop.domain.faults import bounded, listing
from gallop.domain.job import CancelAnswer, Failure, Job, JobState, is_terminal
from gallop.domain.request.media import IMAGES, record
from gallop.domain.times import timestamp
from gallop.domain.views import error_view, file_facts, where_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.domain.errors import BudgetExceeded
    from gallop.domain.faults import Fault
    from gallop.domain.request.request import VideoRequest

STATUS = "status.json"
VIDEO = "video.mp4"
VIDEO_DETAILS = "video.json"
ERROR = "error.json"
THUMBNAIL = "thumbnail.jpg"
SIGNED = "signed.mp4"
# Of a group.
CONTACT_SHEET = "contact.jpg"
FILES = (VIDEO, VIDEO_DETAILS, ERROR, THUMBNAIL, SIGNED, CONTACT_SHEET, STATUS)

_TRY_AGAIN = (
    "The same content is the same job: to try again, change one word of the prompt, or add "
    '"metadata": {"try": 2} to job.json.'
)


def for_job(job: Job) -> dict[str, dict[str, Any]]:
    """Return the receipts of a job in its current state, by file name."""
    ends: dict[str, dict[str, Any]] = {}
    if job.state is JobState.SUCCEEDED:
        ends[VIDEO_DETAILS] = video_receipt(job)
    elif is_terminal(job.state):
        ends[ERROR] = failure_receipt(job)
    return {**ends, STATUS: status_receipt(job)}


def status_receipt(job: Job) -> dict[str, Any]:
    """Describe a job that is in progress, or has ended."""
    return {
        "job": job.id,
        **groups.place_view(job),
        "state": job.state.value,
        "updated_at": timestamp(job.updated_at),
        "created_at": timestamp(job.created_at),
        "queue_position": job.queue_position.position if job.queue_position else None,
        "estimated_start": timestamp(job.queue_position.starts_at) if job.queue_position else None,
        "parked": parked_view(job),
        **where_view(job),
        "estimated_cost": float(job.estimated_cost),
        "estimated_cost_detail": job.estimate and job.estimate.view(),
        "cost": None if job.cost is None else float(job.cost),
        "currency": "USD",
        "notes": list(job.notes),
        "dropped_again_at": _time(job.dropped_again_at),
        "cancel": job.cancel and cancel_view(job.cancel),
        "note": note_of(job),
        "provenance": provenance.view(job),
        "error": error_view(job),
    }


def video_receipt(job: Job) -> dict[str, Any]:
    """Describe a finished video."""
    request, result = job.request, job.result
    return {
        "job": job.id,
        **groups.place_view(job),
        "client": job.client,
        "door": job.door.value,
        "request": {
            "prompt": request.prompt,
            "model": request.model,
            **_media_view(request),
            **request.parameters,
            "metadata": dict(request.metadata),
            "priority": request.priority,
        },
        "notes": list(job.notes),
        "task": {"task_id": job.task_id, "request_id": job.vendor_request_id, "polls": job.polls},
        "submits": job.submits,
        **where_view(job),
        "usage": dict(job.usage or {}),
        "cost": None if job.cost is None else float(job.cost),
        "estimated_cost": float(job.estimated_cost),
        "estimated_cost_detail": job.estimate and job.estimate.view(),
        "currency": "USD",
        "created_at": timestamp(job.created_at),
        "started_at": timestamp(job.running_since) if job.running_since else None,
        "completed_at": timestamp(job.ended_at) if job.ended_at else None,
        "video": result and {"key": result.key, **file_facts(result)},
        "provenance": provenance.view(job),
        "thumbnail": job.thumbnail and {"key": job.thumbnail.key, **file_facts(job.thumbnail)},
        "credentials": credentials.view(job, {"key": job.signed.key, **file_facts(job.signed)} if job.signed else None),
    }


def _media_view(request: VideoRequest) -> dict[str, Any]:
    views: dict[str, Any] = {IMAGES: []}
    for field in dict.fromkeys(medium.field for medium in request.media):
        records = [record(source) for source in request.of(field)]
        views[field] = records if field == IMAGES or len(records) > 1 else records[0]
    return views


def failure_receipt(job: Job) -> dict[str, Any]:
    """Explain why a job ended without a video."""
    failure = job.failure or Failure(FailureCode.INTERNAL_ERROR, "The job ended without a reason.")
    return {
        "job": job.id,
        **groups.place_view(job),
        "state": job.state.value,
        "error": error_view(job, failure),
        "faults": [],
        "task_id": job.task_id or None,
        **where_view(job),
        "completed_at": timestamp(job.ended_at or job.updated_at),
    }


def faults_receipt(faults: Sequence[Fault], now: float) -> dict[str, Any]:
    """List what keeps a drop from becoming a job."""
    return {
        "job": None,
        "state": "refused",
        "error": {
            "code": "invalid_request",
            "message": "; ".join(fault.message for fault in bounded(faults)),
            "remedy": (
                "Fix the files listed here and upload them again. The job then starts automatically. "
                "You have not been charged."
            ),
        },
        **listing(faults),
        "updated_at": timestamp(now),
    }


def refused(faults: Sequence[Fault], now: float) -> dict[str, dict[str, Any]]:
    """Return the receipts of a refused drop, by file name."""
    status = {"job": None, "state": "refused", "updated_at": timestamp(now), "note": f"{ERROR} lists what to fix."}
    return {ERROR: faults_receipt(faults, now), STATUS: status}


def lost(now: float, earlier_job: str = "") -> dict[str, dict[str, Any]]:
    """Return the receipts of a drop whose processing failed again and again, by file name.

    ``earlier_job`` is the id of the job of its earlier files, if they had one.
    """
    charged = "You have not been charged."
    if earlier_job:
        charged = (
            "You have not been charged for the changed files. "
            f"The job of the earlier files is not affected; its receipts are in `{earlier_job}/`."
        )
    error = {
        "code": AwsTrouble.code,
        "message": "The drop could not be processed because of an AWS error, or a bug in Gallop.",
        "remedy": (
            f"Upload any of its files again: the job then starts automatically. {charged} If this happens again, "
            "ask the operator to check the log of SubmitFunction."
        ),
    }
    no_faults: list[Any] = []
    receipt = {"job": None, "state": "refused", "error": error, "faults": no_faults, "updated_at": timestamp(now)}
    return {ERROR: receipt, STATUS: _refused_status(now)}


def over_budget(over: BudgetExceeded, now: float) -> dict[str, dict[str, Any]]:
    """Return the receipts of a drop that exceeds a spending cap, by file name."""
    remedy = f"{over.remedy} Then upload any of its files again: the job starts automatically."
    error = {"code": over.code, "message": str(over), "remedy": remedy}
    numbers = {"faults": [], "budget": over.shortfall.view(), "updated_at": timestamp(now)}
    receipt = {"job": None, "state": "refused", "error": error, **numbers}
    return {ERROR: receipt, STATUS: _refused_status(now)}


def _refused_status(now: float) -> dict[str, Any]:
    return {"job": None, "state": "refused", "updated_at": timestamp(now), "note": f"{ERROR} gives the reason."}


def incomplete(missing: Sequence[Fault], since: float, until: float) -> dict[str, dict[str, Any]]:
    """List what an incomplete drop lacks, and until when Gallop waits for it; times are seconds since the epoch."""
    status = {
        "job": None,
        "state": "incomplete",
        "updated_at": timestamp(since),
        "waiting_for": [fault.view() for fault in missing],
        "waiting_until": timestamp(until),
    }
    return {STATUS: status}


def cancelled_before(requested_at: float) -> dict[str, dict[str, Any]]:
    """Confirm the cancel of a drop that had not become a job."""
    answer = CancelAnswer(
        JobState.CANCELLED, "Cancelled before the job started. You have not been charged.", requested_at
    )
    note = "To start the job after all, upload any of its files again."
    status = {
        "job": None,
        "state": JobState.CANCELLED.value,
        "updated_at": timestamp(requested_at),
        "cancel": cancel_view(answer),
        "note": note,
    }
    return {STATUS: status}


def cancel_view(cancel: CancelAnswer) -> dict[str, str]:
    """Return the answer to a CANCEL."""
    return {"answer": cancel.answer, "message": cancel.message, "requested_at": timestamp(cancel.time)}


def parked_view(job: Job) -> dict[str, str] | None:
    """Say for what a job waits, and how long, if a cap has no room for it."""
    if job.parked is None or job.state is not JobState.QUEUED:
        return None
    message = f"{job.parked.reason} The job starts automatically when there is room; waiting costs nothing."
    return {"message": message, "retry_at": timestamp(job.parked.until), "deadline": timestamp(job.deadline)}


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else timestamp(seconds)


def note_of(job: Job) -> str | None:
    """Say what it means that the content of a job was dropped again, if it was."""
    if job.dropped_again_at is None:
        return None
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        return f"The same content was dropped again. Its job had ended without a video. {_TRY_AGAIN}"
    return "The same content was dropped again. It is the same job, created and charged only once."

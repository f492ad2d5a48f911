"""The small files that tell a dropper how a job stands, and the same job as the HTTPS door shows it."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from gallop.domain import models as catalogue
from gallop.domain.job import (
    CANCELLED,
    CancelAnswer,
    Door,
    Failure,
    Job,
    JobState,
    Result,
    image_record,
    is_terminal,
    openai_status,
)
from gallop.domain.scheduling import histogram as sketch
from gallop.domain.scheduling import polling
from gallop.domain.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.domain.budget import Parked
    from gallop.domain.errors import BudgetExceeded, Fault
    from gallop.domain.scheduling.histogram import Sketch
    from gallop.domain.scheduling.queue import Standing

STATUS = "status.json"
VIDEO = "video.mp4"
VIDEO_DETAILS = "video.json"
ERROR = "error.json"
THUMBNAIL = "thumbnail.jpg"
# A video is fetched in a few seconds.
STORING_SECONDS = 5
IN_LINE_SECONDS = 60
FILES = (VIDEO, VIDEO_DETAILS, ERROR, THUMBNAIL, STATUS)

_TRY_AGAIN = (
    "The same content is the same job: to try once more, change a word of the prompt, or write "
    '"metadata": {"try": 2} into job.json.'
)


def job_view(job: Job, now: float, known: Sketch | None = None, standing: Standing | None = None) -> dict[str, Any]:
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
        "size": catalogue.size(request.resolution, request.ratio),
        "seed": request.seed,
        "watermark": request.watermark,
        "metadata": dict(request.metadata),
        "priority": request.priority,
        **_standing_view(standing),
        "remixed_from_video_id": None,
        "estimated_cost": float(job.estimated_cost),
        "cost": None if job.cost is None else float(job.cost),
        "currency": "USD",
        "error": failure_view(job.failure),
    }
    return {**view, **_files_view(job)}


def _standing_view(standing: Standing | None) -> dict[str, int | None]:
    if standing is None:
        return {"place": None, "estimated_start": None}
    return {"place": standing.place, "estimated_start": int(standing.starts_at)}


def _files_view(job: Job) -> dict[str, Any]:
    content, view = f"/v1/videos/{job.id}/content", {}
    if job.result:
        view["video"] = {**_facts(job.result), "s3": f"s3://{job.result.bucket}/{job.result.key}", "content": content}
    if job.thumbnail:
        s3 = f"s3://{job.thumbnail.bucket}/{job.thumbnail.key}"
        view["thumbnail"] = {**_facts(job.thumbnail), "s3": s3, "content": f"{content}?variant=thumbnail"}
    return view


def failure_view(failure: Failure | None) -> dict[str, str] | None:
    """Show why a job failed."""
    return None if failure is None else {"code": failure.code, "message": failure.message, "remedy": failure.remedy}


def progress(job: Job, now: float, known: Sketch | None = None) -> int:
    """Estimate how far a job is, in percent."""
    if job.state is JobState.SUCCEEDED:
        return 100
    if job.state is JobState.STORING:
        return 99
    if job.state is JobState.RUNNING:
        return polling.progress_percent(known or _published(job), job.task_age(now))
    return 0


def poll_after_seconds(job: Job, now: float, known: Sketch | None = None, starts_at: float | None = None) -> int:
    """Tell a client when it is worth asking again: when we would ask DashScope, or when its turn may have come.

    ``starts_at`` is when that is likely; a line may move faster, so that nobody is told to wait more than a minute.
    """
    if is_terminal(job.state):
        return 1
    if job.state is JobState.STORING:
        return STORING_SECONDS
    until_turn = min(ceil(starts_at - now), IN_LINE_SECONDS) if starts_at else 0
    return max(polling.next_wait(known or _published(job), job.task_age(now)), until_turn)


def of_job(job: Job) -> dict[str, dict[str, Any]]:
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
        "place": job.standing.place if job.standing else None,
        "estimated_start": timestamp(job.standing.starts_at) if job.standing else None,
        "parked": _parked_view(job.parked, job.deadline) if job.parked and job.state is JobState.QUEUED else None,
        "estimated_cost": float(job.estimated_cost),
        "cost": None if job.cost is None else float(job.cost),
        "currency": "USD",
        "notes": list(job.notes),
        "dropped_again": None if job.dropped_again_at is None else timestamp(job.dropped_again_at),
        "cancel": job.cancel and _cancel_view(job.cancel),
        "note": _note(job),
        "error": _failure_at_the_door(job, job.failure),
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
        "video": result and {"key": result.key, **_facts(result)},
        "thumbnail": job.thumbnail and {"key": job.thumbnail.key, **_facts(job.thumbnail)},
    }


def _published(job: Job) -> Sketch:
    return sketch.seed(job.request.resolution, job.request.duration)


def _facts(result: Result) -> dict[str, Any]:
    return {"bytes": result.size, "sha256": result.sha256, "content_type": result.content_type}


def failure_receipt(job: Job) -> dict[str, Any]:
    """Tell why a job brought no video."""
    failure = job.failure or Failure("internal_error", "The job ended without a reason.")
    return {
        "job": job.id,
        "state": job.state.value,
        "error": _failure_at_the_door(job, failure),
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
            "message": "; ".join(fault.told for fault in faults),
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
    told = {"job": None, "state": "refused", "error": error, **numbers}
    status = {"job": None, "state": "refused", "since": timestamp(now), "note": f"{ERROR} says why."}
    return {ERROR: told, STATUS: status}


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
    message = f"{parked.because} The job starts by itself when there is room; until then it costs nothing."
    return {"message": message, "until": timestamp(parked.until), "given_up": timestamp(deadline)}


def _failure_at_the_door(job: Job, failure: Failure | None) -> dict[str, str] | None:
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

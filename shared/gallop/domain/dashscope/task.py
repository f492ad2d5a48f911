"""A job as DashScope would show it: a task, in its words, its times and its fields (fact sheet §2 and §3)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, assert_never

from gallop.domain.errors import FailureCode
from gallop.domain.failures import FAILURE_KINDS, remedy_text
from gallop.domain.job import Job, JobState

if TYPE_CHECKING:
    from gallop.domain.request.request import VideoRequest

ZONE = timezone(timedelta(hours=8))
UNKNOWN = "UNKNOWN"
STATUSES = ("PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED", UNKNOWN)

# Where a job failed without a word of DashScope's. Whatever is not here is an InternalError.
_CODES = {
    FailureCode.VENDOR_THROTTLED: "Throttling.RateQuota",
    FailureCode.VENDOR_UNREACHABLE: "ModelUnavailable",
    FailureCode.VENDOR_UNAVAILABLE: "ModelUnavailable",
    FailureCode.DEADLINE_EXCEEDED: "InternalError.Timeout",
    FailureCode.TIMED_OUT: "InternalError.Timeout",
    FailureCode.RESULT_EXPIRED: "InternalError.Upload",
    FailureCode.RESULT_INCOMPLETE: "InternalError.Upload",
    FailureCode.RESULT_UNUSABLE: "InternalError.Upload",
}


def status(state: JobState) -> str:
    """Say a state in DashScope's words.

    A job that is storing its video is RUNNING: after SUCCEEDED a client looks for the address, and asks no more.
    """
    match state:
        case JobState.QUEUED | JobState.SUBMITTING | JobState.OUTCOME_UNKNOWN:
            return "PENDING"
        case JobState.RUNNING | JobState.STORING:
            return "RUNNING"
        case JobState.SUCCEEDED:
            return "SUCCEEDED"
        case JobState.FAILED:
            return "FAILED"
        case JobState.CANCELLED:
            return "CANCELED"
    assert_never(state)


def submitted(job_id: str) -> dict[str, Any]:
    """Answer a submit. PENDING also to a repetition: only a question tells what came of a task, with all it made."""
    return {"output": {"task_id": job_id, "task_status": "PENDING"}}


def unknown(task_id: str) -> dict[str, Any]:
    """Answer for a task that is not there, or is not the client's."""
    return {"output": {"task_id": task_id, "task_status": UNKNOWN}}


def task(job: Job, video_url: str) -> dict[str, Any]:
    """Show a task; ``video_url`` is empty unless it succeeded."""
    output: dict[str, Any] = {"task_id": job.id, "task_status": status(job.state)}
    if job.state is JobState.FAILED:
        return {"output": output | _reason(job)}
    output["submit_time"] = local_time(job.created_at)
    if job.running_since is not None:
        output["scheduled_time"] = local_time(job.running_since)
    if job.ended_at is not None:
        output["end_time"] = local_time(job.ended_at)
    if job.state is not JobState.SUCCEEDED:
        return {"output": output}
    return {
        "output": {**output, "orig_prompt": job.request.prompt, "video_url": video_url},
        "usage": {**_usage(job.request), **(job.usage or {})},
    }


def entry(job: Job) -> dict[str, Any]:
    """Show a task in a list: times in milliseconds since the epoch, neither prompt nor address."""
    shown: dict[str, Any] = {
        "api_key_id": "",
        "caller_parent_id": job.client,
        "caller_uid": job.client,
        "gmt_create": round(job.created_at * 1000),
        "model_name": job.request.model,
        "region": "",
        "request_id": job.vendor_request_id,
        "status": status(job.state),
        "task_id": job.id,
        "user_api_unique_key": f"apikey:v1:aigc:video-generation:video-synthesis:{job.request.model}",
    }
    if job.running_since is not None:
        shown["start_time"] = round(job.running_since * 1000)
    if job.ended_at is not None:
        shown["end_time"] = round(job.ended_at * 1000)
    return shown


def local_time(moment: float) -> str:
    """Write seconds since the epoch as DashScope does: UTC+8, to the millisecond, without a zone."""
    return datetime.fromtimestamp(moment, ZONE).isoformat(" ", "milliseconds").partition("+")[0]


def _reason(job: Job) -> dict[str, str]:
    failure = job.failure
    if failure is None:
        return {"code": "InternalError", "message": "The job ended without a reason."}
    if failure.vendor_code:
        return {"code": failure.vendor_code, "message": failure.vendor_message or failure.message}
    code = _CODES.get(failure.code, "InternalError")
    remedy = remedy_text(job, failure, FAILURE_KINDS[failure.code].remedy)
    return {"code": code, "message": f"{failure.message} {remedy}"}


def _usage(request: VideoRequest) -> dict[str, Any]:
    """Say what was ordered, where DashScope's own account of it lacks something."""
    return {
        "duration": request.duration,
        "input_video_duration": 0,
        "output_video_duration": request.duration,
        "video_count": 1,
        "SR": int(request.resolution.removesuffix("P")),
        "ratio": request.ratio,
    }

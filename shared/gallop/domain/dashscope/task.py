"""A job in DashScope's format: a task, with its statuses, times and fields (fact sheet §2 and §3)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, assert_never

from gallop.domain import provenance
from gallop.domain.failure_codes import FailureCode
from gallop.domain.failures import FAILURE_KINDS, remedy_text
from gallop.domain.job import Job, JobState
from gallop.domain.request import estimate

if TYPE_CHECKING:
    from gallop.domain.request.request import VideoRequest

ZONE = timezone(timedelta(hours=8))
UNKNOWN = "UNKNOWN"
STATUSES = ("PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED", UNKNOWN)

# For jobs that failed without an error code of DashScope. All other failures are an InternalError.
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
    """Convert a state to DashScope's task status.

    A job that is storing its video is RUNNING: after SUCCEEDED a client expects the address, and stops polling.
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
    """Return the answer to a submit: PENDING, also for a repetition, as only a query returns a task's result."""
    return {"output": {"task_id": job_id, "task_status": "PENDING"}}


def unknown(task_id: str) -> dict[str, Any]:
    """Return the answer for a task that does not exist, or is not the client's."""
    return {"output": {"task_id": task_id, "task_status": UNKNOWN}}


def task(job: Job, video_url: str) -> dict[str, Any]:
    """Return the answer to a query; ``video_url`` is empty unless the task succeeded."""
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
        # DashScope has no such field: its clients ignore it.
        "output": {
            **output,
            "orig_prompt": job.request.prompt,
            "video_url": video_url,
            "provenance": provenance.view(job),
        },
        "usage": {**_usage(job.request), **(job.usage or {})},
    }


def entry(job: Job) -> dict[str, Any]:
    """Return a task's entry in a list: times in milliseconds since the epoch, without prompt and address."""
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
    """Format seconds since the epoch as DashScope does: UTC+8, to the millisecond, without a zone."""
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
    """Return the usage as ordered, for the fields that DashScope's own usage lacks."""
    came, made = (_number(part(request)) for part in (estimate.input_seconds, estimate.output_seconds))
    ratio = request.parameters.get("ratio")
    return {
        "duration": _number(came + made),
        "input_video_duration": came,
        "output_video_duration": made,
        "video_count": 1,
        "SR": int(request.resolution.removesuffix("P")),
        **({"ratio": ratio} if ratio else {}),
    }


def _number(seconds: float) -> float:
    """Return seconds as DashScope does: as a whole number, if they are one."""
    return int(seconds) if float(seconds).is_integer() else round(seconds, 3)

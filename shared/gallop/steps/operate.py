"""What an operator does to one job, in the stack: the operator needs neither the rights for it nor DashScope's key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import log
from gallop.adapters.table import jobs
from gallop.domain.dashscope.replies import TaskCanceled, TaskFailed, TaskSucceeded, TaskUnknown, TaskWaiting
from gallop.domain.errors import TryAgain, VendorRefused
from gallop.services import cancel as cancels
from gallop.services import resume as resumes
from gallop.services import self_check as checks
from gallop.services import vendor_host

if TYPE_CHECKING:
    from gallop.domain.dashscope.replies import Task


def cancel(job_id: str) -> dict[str, str]:
    """Cancel a job; return the outcome, and the state that it has then."""
    job, outcome = cancels.cancel(job_id)
    log.info("operator cancelled job", job_id=job_id, outcome=outcome.value)
    return {"outcome": outcome.value, "state": job.state.value}


def resume(job_id: str) -> dict[str, str]:
    """Resume a job; return the outcome, why, and the state that the job has then."""
    outcome, why = resumes.resume(job_id)
    log.info("operator resumed job", job_id=job_id, outcome=outcome.value)
    return {"outcome": outcome.value, "why": why, "state": jobs.get(job_id).state.value}


def task(job_id: str) -> dict[str, Any]:
    """Return what DashScope says about the task of a job, or why it does not; nothing is recorded."""
    job = jobs.get(job_id)
    if not job.task_id:
        return {"status": None, "detail": "DashScope has not been given this job, or its reply was lost."}
    try:
        return _view(vendor_host.query(job)[1])
    except (TryAgain, VendorRefused) as error:
        return {"status": None, "detail": str(error)}


ON_A_JOB = {"cancel": cancel, "resume": resume, "task": task}


def self_check(secret_arn: str) -> dict[str, Any]:
    """Return what only a function of the stack can say about it; nothing is recorded, and nothing costs."""
    return checks.facts(secret_arn)


def _view(task: Task) -> dict[str, Any]:
    match task:
        case TaskWaiting(is_pending, scheduled_at):
            return {"status": "PENDING" if is_pending else "RUNNING", "began_at": scheduled_at}
        case TaskSucceeded(usage=usage, ran_for=ran_for):
            return {"status": "SUCCEEDED", "usage": dict(usage), "ran_for": ran_for}
        case TaskFailed(code, message):
            return {"status": "FAILED", "detail": f"{code}: {message}"}
        case TaskCanceled():
            return {"status": "CANCELED"}
        case TaskUnknown():
            return {"status": "UNKNOWN", "detail": "DashScope forgets a task 24 hours after its end."}

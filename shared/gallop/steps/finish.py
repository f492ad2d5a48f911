"""Gives a job its terminal state and writes its last receipts. A second run has the same result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gallop import clock
from gallop.adapters.table import jobs
from gallop.domain import errors
from gallop.domain.errors import AwsTrouble, GallopError, JobNotFound, Stranded
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, Job, failure_from, is_terminal
from gallop.services import ending

if TYPE_CHECKING:
    from collections.abc import Mapping

# A paid job is resumed until its deadline. One that has cost nothing fails earlier, so that its client learns that this
# stack is broken; an AWS outage of an hour still fails no job.
MAX_UNPAID_RESUMES = 15


def finish(event: Mapping[str, Any]) -> dict[str, str]:
    """End the job of an execution as its last step or its error requires; return the job's state.

    Raises:
        Stranded: the execution failed because of AWS, and the job has time left: the sweep resumes it.

    """
    try:
        job = jobs.get(event["job_id"])
    except JobNotFound:
        # Cancelled and deleted before its execution ended.
        return {"state": "deleted"}
    if not is_terminal(job.state):
        if "error" in event and _can_resume(job, str(event["error"].get("Error", ""))):
            raise Stranded(f"The execution of job {job.id} failed; the sweep resumes the job.")
        job = ending.end(job, _failure_in(event))
    ending.notify(job)
    return {"state": job.state.value}


def _can_resume(job: Job, error: str) -> bool:
    is_aws_error = error in (AwsTrouble.__name__, "States.Timeout") or error.startswith(
        ("Lambda.", "Runtime.", "Sandbox.")
    )
    has_time = clock.now() < job.deadline and (not job.made_no_task or job.resumes < MAX_UNPAID_RESUMES)
    return is_aws_error and has_time and not job.result


def _failure_in(event: Mapping[str, Any]) -> Failure | None:
    if "error" in event:
        return _failure_of(str(event["error"].get("Error", "")), str(event["error"].get("Cause", "")))
    failure = (event.get("step") or {}).get("failure")
    return failure_from(failure) if failure else None


def _failure_of(name: str, cause: str) -> Failure:
    kind = getattr(errors, name, None)
    if kind is AwsTrouble:
        # The message names parts of the stack: clients must not see them, and the log has them.
        return Failure(FailureCode.AWS_TROUBLE, "An AWS service returned an error.")
    if isinstance(kind, type) and issubclass(kind, GallopError) and isinstance(kind.code, FailureCode):
        return Failure(kind.code, _message_in(cause))
    if name in ("States.Timeout", "Sandbox.Timedout"):
        return Failure(FailureCode.TIMED_OUT, "A step of the workflow did not answer in time.")
    return Failure(FailureCode.INTERNAL_ERROR, f"A step of the workflow failed ({name}).")


def _message_in(cause: str) -> str:
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return "No reason was given."

"""Gives a job its terminal state and writes its last receipts. Run twice, it does the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gallop import clock
from gallop.adapters.table import jobs
from gallop.domain import errors
from gallop.domain.errors import AwsTrouble, FailureCode, GallopError, JobNotFound, Stranded
from gallop.domain.job import Failure, Job, failure_from, is_terminal
from gallop.services import ending

if TYPE_CHECKING:
    from collections.abc import Mapping

# A paid job is resumed as long as its deadline allows. One that cost nothing yet is told to be lost sooner, so that
# whoever waits for it learns that this stack is broken; until then an hour of trouble in AWS costs nobody a job.
MAX_UNPAID_RESUMES = 15


def finish(event: Mapping[str, Any]) -> dict[str, str]:
    """End the job of an execution, by what its last step or its error says; gives the job's state.

    Raises:
        Stranded: AWS let the execution down, and the job has time: the sweep resumes it.

    """
    try:
        job = jobs.get(event["job_id"])
    except JobNotFound:
        # Cancelled, and deleted before its execution had heard of that.
        return {"state": "deleted"}
    if not is_terminal(job.state):
        if "error" in event and _can_go_on(job, str(event["error"].get("Error", ""))):
            raise Stranded(f"The execution of job {job.id} broke down; the sweep takes the job up.")
        job = ending.end(job, _failure_in(event))
    ending.notify(job)
    return {"state": job.state.value}


def _can_go_on(job: Job, error: str) -> bool:
    is_of_aws = error in (AwsTrouble.__name__, "States.Timeout") or error.startswith(
        ("Lambda.", "Runtime.", "Sandbox.")
    )
    has_time = clock.now() < job.deadline and (not job.made_no_task or job.resumes < MAX_UNPAID_RESUMES)
    return is_of_aws and has_time and not job.result


def _failure_in(event: Mapping[str, Any]) -> Failure | None:
    if "error" in event:
        return _failure_of(str(event["error"].get("Error", "")), str(event["error"].get("Cause", "")))
    failure = (event.get("step") or {}).get("failure")
    return failure_from(failure) if failure else None


def _failure_of(name: str, cause: str) -> Failure:
    kind = getattr(errors, name, None)
    if kind is AwsTrouble:
        # Its message names parts of the stack: that belongs in the log, not in front of a client.
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

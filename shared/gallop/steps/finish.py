"""Gives a job its terminal state and writes its receipts. A second run has the same result."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gallop import clock, log, metrics, settings
from gallop.adapters.table import jobs
from gallop.domain import errors
from gallop.domain.credentials import Unsigned
from gallop.domain.errors import AwsTrouble, GallopError, JobNotFound, Stranded
from gallop.domain.failure_codes import FailureCode
from gallop.domain.interruption import interruption
from gallop.domain.job import Failure, Job, JobState, failure_from, is_terminal
from gallop.domain.metrics import Metric
from gallop.services import ending

if TYPE_CHECKING:
    from collections.abc import Mapping

# A paid job is resumed until its deadline. One that has cost nothing fails earlier, so that its client learns that this
# stack is broken; an AWS outage of an hour still fails no job.
MAX_UNPAID_RESUMES = 15
# What is wrong with the video itself, after all retries. No other error ends a job that has, or may have, a task: an
# incomplete download may be due to the connection.
FINAL = ("ResultExpired", "ResultUnusable")


def finish(event: Mapping[str, Any]) -> dict[str, str]:
    """End the job of an execution as its last step or its error requires; return the job's state.

    Raises:
        Stranded: the execution failed, and its job can still succeed: the sweep resumes it.

    """
    try:
        job = jobs.get(event["job_id"])
    except JobNotFound:
        # Cancelled and deleted before its execution ended.
        return {"state": "deleted"}
    if not is_terminal(job.state):
        failure = _failure_in(event)
        if _can_resume(job, event):
            _interrupt(job, _error_in(event), failure or ending.NO_REASON)
            raise Stranded(f"The execution of job {job.id} failed; the sweep resumes the job.")
        job = ending.end(job, failure)
    # A definition of an earlier version makes the thumbnail first.
    ending.notify(job, is_last=job.state is not JobState.SUCCEEDED or job.thumbnail is not None)
    return {"state": job.state.value}


def renew(job_id: str) -> dict[str, str]:
    """Write the last receipts of a job that has succeeded, with its thumbnail; return the job's state."""
    try:
        job = jobs.get(job_id)
    except JobNotFound:
        return {"state": "deleted"}
    if settings.signs_videos() and not (job.signed or job.unsigned):
        # The step that signs was stopped, or could not be run: nobody else says so.
        if jobs.note(job, "unsigned", Unsigned.INTERRUPTED.value):
            metrics.count(Metric.VIDEOS_UNSIGNED)
        job = jobs.get(job_id)
    ending.renew(job)
    return {"state": job.state.value}


def _can_resume(job: Job, event: Mapping[str, Any]) -> bool:
    if job.result or clock.now() >= job.deadline:
        return False
    error = _error_in(event)
    if _is_aws_error(error):
        return not job.made_no_task or job.resumes < MAX_UNPAID_RESUMES
    return not job.made_no_task and not _is_final(event)


def _is_aws_error(error: str) -> bool:
    return error in (AwsTrouble.__name__, "States.Timeout") or error.startswith(("Lambda.", "Runtime.", "Sandbox."))


def _is_final(event: Mapping[str, Any]) -> bool:
    """Return whether an execution has come to a result: neither to an error of Gallop, nor to nothing at all."""
    if "error" in event:
        return _error_in(event) in FINAL
    return bool((event.get("step") or {}).get("failure"))


def _interrupt(job: Job, error: str, failure: Failure) -> None:
    if _is_aws_error(error):
        # AWS recovers without anybody here: the next sweep resumes the job.
        return
    now = clock.now()
    interrupted = replace(job.at(job.state, now), interruption=interruption(job, failure, now))
    jobs.advance(job, interrupted)
    log.warning("job interrupted", job_id=job.id, error=error or failure.message)


def _error_in(event: Mapping[str, Any]) -> str:
    return str(event["error"].get("Error", "")) if "error" in event else ""


def _failure_in(event: Mapping[str, Any]) -> Failure | None:
    if "error" in event:
        return _failure_of(_error_in(event), str(event["error"].get("Cause", "")))
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

"""Cancels a job: without charge while it certainly has no task, and in time until DashScope starts the task."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from gallop import clock, log, metrics
from gallop.adapters.table import jobs
from gallop.domain.errors import AwsTrouble, JobNotFound, TryAgain, VendorRefused, WrongState
from gallop.domain.job import Failure, Job, JobState, cancelled, is_terminal
from gallop.services.ending import notify

MAX_TRIES = 5


class Cancellation(StrEnum):
    """The outcome of a cancel request: only ``CANCELLED`` guarantees that there is no charge."""

    CANCELLED = "cancelled"
    TOO_LATE = "too_late"
    ALREADY_FINISHED = "already_finished"


def cancel(job_id: str, why: Failure | None = None) -> tuple[Job, Cancellation]:
    """Cancel a job if that is still possible; return the job as it is afterwards, and the outcome.

    ``why`` is recorded as the reason, instead of the one that follows from the job's state.

    Raises:
        JobNotFound: there is no such job.
        WrongState: its record kept changing.

    """
    for _ in range(MAX_TRIES):
        job = jobs.get(job_id)
        if is_terminal(job.state):
            return job, Cancellation.ALREADY_FINISHED
        reason = _reason(job)
        if reason is None:
            return job, Cancellation.TOO_LATE
        try:
            job = _end(job, why or reason)
        except WrongState:
            continue
        _notify(job)
        return job, Cancellation.CANCELLED
    raise WrongState(f"The record of job {job_id} kept changing.")


def _end(job: Job, reason: Failure) -> Job:
    now = clock.now()
    ended = jobs.advance(job, replace(job.at(JobState.CANCELLED, now), failure=reason, ended_at=now))
    metrics.job_ended(ended)
    log.info("job cancelled", job_id=job.id)
    return ended


def _notify(job: Job) -> None:
    try:
        notify(jobs.get(job.id))
    except (AwsTrouble, JobNotFound, WrongState) as error:
        # The job is cancelled anyway. It stays open, and its execution or the sweep sends the notifications.
        log.warning("end notification deferred", job_id=job.id, error=str(error))


def _reason(job: Job) -> Failure | None:
    if job.state is JobState.RUNNING:
        in_time = _cancel_task(job)
        return cancelled("The job was cancelled before DashScope started it.") if in_time else None
    may_have_task = job.state is JobState.STORING or not job.made_no_task
    return None if may_have_task else cancelled("The job was cancelled before it was sent to DashScope.")


def _cancel_task(job: Job) -> bool:
    from gallop.services import vendor_host  # noqa: PLC0415 - its HTTP client is slow to import

    try:
        return vendor_host.cancel(job)
    except (TryAgain, VendorRefused) as error:
        # If DashScope cancelled the task anyway, the next status query finds that, and the job ends as cancelled.
        log.warning("cancel request failed", job_id=job.id, error=str(error))
        return False

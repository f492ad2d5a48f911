"""Cancels a job: free as long as it surely has no task, and in time as long as DashScope has not begun it."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from gallop import clock, log
from gallop.adapters import dashscope, secrets
from gallop.adapters.table import jobs
from gallop.domain.errors import AwsTrouble, JobNotFound, TryAgain, VendorRefused, WrongState
from gallop.domain.job import Failure, Job, JobState, cancelled, is_terminal
from gallop.services.ending import notify

MAX_LOOKS = 5


class Cancellation(StrEnum):
    """What came of it: only ``CANCELLED`` costs nothing for certain."""

    CANCELLED = "cancelled"
    TOO_LATE = "too_late"
    ALREADY_FINISHED = "already_finished"


def cancel(job_id: str) -> tuple[Job, Cancellation]:
    """Cancel a job if that is still possible; gives it as it stands then.

    Raises:
        JobNotFound: there is no such job.
        WrongState: it kept moving.

    """
    for _ in range(MAX_LOOKS):
        job = jobs.get(job_id)
        if is_terminal(job.state):
            return job, Cancellation.ALREADY_FINISHED
        reason = _reason(job)
        if reason is None:
            return job, Cancellation.TOO_LATE
        try:
            job = _end(job, reason)
        except WrongState:
            continue
        _notify(job)
        return job, Cancellation.CANCELLED
    raise WrongState(f"Job {job_id} kept moving on.")


def _end(job: Job, reason: Failure) -> Job:
    now = clock.now()
    ended = jobs.advance(job, replace(job.at(JobState.CANCELLED, now), failure=reason, ended_at=now))
    log.info("job cancelled", job_id=job.id)
    return ended


def _notify(job: Job) -> None:
    try:
        notify(jobs.get(job.id))
    except (AwsTrouble, JobNotFound, WrongState) as trouble:
        # It is cancelled all the same. The job stays open, and its execution or the sweep tells of its end.
        log.warning("end not told yet", job_id=job.id, trouble=str(trouble))


def _reason(job: Job) -> Failure | None:
    if job.state is JobState.RUNNING:
        in_time = _cancel_task(job)
        return cancelled("The job was cancelled before DashScope had begun it.") if in_time else None
    may_have_task = job.state is JobState.STORING or not job.made_no_task
    return None if may_have_task else cancelled("The job was cancelled before it was sent to DashScope.")


def _cancel_task(job: Job) -> bool:
    try:
        return dashscope.cancel(job.base_url, secrets.dashscope_key(job.key_name), job.task_id)
    except (TryAgain, VendorRefused) as trouble:
        # If DashScope cancelled it all the same, the wait loop learns it, and the job ends as cancelled.
        log.warning("no answer to a cancel", job_id=job.id, trouble=str(trouble))
        return False

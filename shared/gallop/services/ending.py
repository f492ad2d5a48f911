"""Ends jobs, and does what follows: slots, receipts, resumed executions, notifications and budgets."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from gallop import clock, log, metrics
from gallop.adapters.stepfunctions import webhook_workflow
from gallop.adapters.table import jobs, waiters
from gallop.domain.doors import Door
from gallop.domain.errors import WrongState
from gallop.domain.failure_codes import FailureCode
from gallop.domain.groups import first_id, have_ended
from gallop.domain.job import Failure, JobState, is_terminal
from gallop.services import publish, settle, slots
from gallop.services.groups import siblings

if TYPE_CHECKING:
    from gallop.domain.job import Job


NO_REASON = Failure(FailureCode.INTERNAL_ERROR, "The workflow ended without a video.")


def fail(job: Job, failure: Failure) -> None:
    """End a job whose execution cannot do so, because there is none or it failed.

    Raises:
        WrongState: the job has changed since it was read.

    """
    notify(end(job, failure))


def notify(job: Job, *, is_last: bool = True) -> None:
    """Do everything that follows the end of a job: each part happens, even if another fails; its error is raised then.

    The record is closed last and only if nothing failed, so that the sweep repeats what was interrupted. Unless this is
    the last step, it stays open: ``renew`` closes it.
    """
    with ExitStack() as parts:
        # The last one added is the first to run.
        parts.callback(settle.settle, job)
        parts.callback(webhook_workflow.announce, job.id)
        if job.door is Door.S3:
            parts.callback(_resume_batches, job)
        parts.callback(publish.status, job, is_renewed=not is_last)
        if job.result is None:
            # The slot of a job with a video is free since its task ended.
            parts.callback(slots.release, job)
    if is_last:
        jobs.close(job)


def _resume_batches(job: Job) -> None:
    """Resume what waits for a job, or for all of its group: only batches wait, and only for jobs of their lines.

    Of jobs that end at once, each looks for the others after its own end is recorded, so that at least one sees all.
    """
    if job.group is None or have_ended(siblings(job)):
        waiters.resume_all(first_id(job))


def renew(job: Job) -> None:
    """Write the receipts of an ended job again, with its thumbnail if there is one, and close its record."""
    publish.status(job)
    jobs.close(job)


def end(job: Job, failure: Failure | None) -> Job:
    """Give a job its terminal state and return it; a job whose video is stored succeeds, whatever failed later."""
    now = clock.now()
    if job.result:
        # The video is stored and verified: later errors do not affect it.
        failure = None
    elif failure is None:
        failure = NO_REASON
    after = job.at(_state_of(failure), now)
    try:
        ended = jobs.advance(job, replace(after, failure=failure, ended_at=now))
    except WrongState:
        ended = jobs.get(job.id)
        if not is_terminal(ended.state):
            raise
    else:
        metrics.job_ended(ended)
    log.info("job ended", job_id=ended.id, state=ended.state.value)
    return ended


def _state_of(failure: Failure | None) -> JobState:
    if failure is None:
        return JobState.SUCCEEDED
    return JobState.CANCELLED if failure.code is FailureCode.CANCELLED else JobState.FAILED

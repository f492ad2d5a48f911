"""Finds the task of a submit whose reply was lost, or makes sure that there is none. It never submits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from gallop import clock, log
from gallop.adapters.table import jobs
from gallop.domain.dashscope import reconciliation
from gallop.domain.errors import TryAgain, VendorRefused, WrongState
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import AttemptEnd, Failure, Job, JobState, is_terminal
from gallop.services import publish, vendor_host
from gallop.steps import step

if TYPE_CHECKING:
    from gallop.domain.job import Attempt
    from gallop.steps.step import Step


def reconcile(job_id: str) -> Step:
    """Look once for the task of a job in ``outcome_unknown``; return what comes next."""
    job = jobs.get(job_id)
    if is_terminal(job.state):
        return step.finish()
    if job.state is not JobState.OUTCOME_UNKNOWN or job.attempt is None or job.attempt.end is AttemptEnd.ABSENT:
        return step.start()
    if clock.now() > job.deadline:
        return step.finish(_failure("DashScope's task list could not be read before the job's deadline."))
    try:
        unowned = _unowned(job, job.attempt)
    except (TryAgain, VendorRefused) as error:
        log.warning("task list unavailable", job_id=job.id, error=str(error))
        return step.reconcile(reconciliation.look_again_in(clock.now() - _lost_at(job.attempt)))
    return _act(_noted(job, job.attempt, unowned), job.attempt, unowned)


def _noted(job: Job, attempt: Attempt, unowned: dict[str, float]) -> Job:
    """Record the first look at which the list showed no task for an attempt."""
    if unowned or _unlisted_since(job, attempt) is not None:
        return job
    return jobs.advance(job, replace(job.at(job.state, clock.now()), unlisted_since=clock.now()))


def _unlisted_since(job: Job, attempt: Attempt) -> float | None:
    """Return when the list first showed no task for an attempt, and not for an earlier one."""
    since = job.unlisted_since
    return since if since is not None and since > _lost_at(attempt) else None


def _unowned(job: Job, attempt: Attempt) -> dict[str, float]:
    since, until = reconciliation.window(attempt.started_at, _lost_at(attempt))
    tasks = vendor_host.tasks_between(job, since, until)
    return {task.task_id: task.created_at for task in tasks if jobs.owner_of(task.task_id) is None}


def _act(job: Job, attempt: Attempt, unowned: dict[str, float]) -> Step:
    verdict = reconciliation.verdict(
        clock.now(), attempt.started_at, _lost_at(attempt), unowned, _unlisted_since(job, attempt)
    )
    match verdict:
        case reconciliation.LookAgain(seconds):
            return step.reconcile(seconds)
        case reconciliation.Adopt(task_id):
            return _adopt(job, attempt, task_id)
        case reconciliation.Absent():
            return _resubmit(job, attempt)
        case reconciliation.Ambiguous(count):
            reason = f"Tasks of this model without a job were created at that time ({count}); none was adopted."
            return step.finish(_failure(reason))
    assert_never(verdict)


def _adopt(job: Job, attempt: Attempt, task_id: str) -> Step:
    now = clock.now()
    running = replace(
        job.at(JobState.RUNNING, now),
        attempt=replace(attempt, end=AttemptEnd.ACCEPTED),
        task_id=task_id,
        is_adopted=True,
        running_since=attempt.started_at,
    )
    try:
        running = jobs.claim(job, running, is_certain=False)
    except WrongState:
        return step.reconcile(reconciliation.FIRST_LOOK_SECONDS)
    log.info("task adopted", job_id=job.id, task_id=task_id)
    publish.status(running)
    return step.wait(1)


def _resubmit(job: Job, attempt: Attempt) -> Step:
    if job.lost >= reconciliation.MAX_LOSSES:
        return step.finish(_failure(f"This happened {job.lost} times, and DashScope lists no task for any of them."))
    without_task = replace(job.at(job.state, clock.now()), attempt=replace(attempt, end=AttemptEnd.ABSENT))
    jobs.advance(job, without_task)
    log.info("no task created", job_id=job.id)
    return step.start()


def _lost_at(attempt: Attempt) -> float:
    return attempt.started_at if attempt.ended_at is None else attempt.ended_at


def _failure(reason: str) -> Failure:
    return Failure(FailureCode.OUTCOME_UNKNOWN, f"The reply to the submit was lost. {reason}")

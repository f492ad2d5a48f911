"""Asks DashScope for the status of a job's task. A failed query never ends a job; its deadline does.

Near the likely end of the task, one run asks several times, and writes the record once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from gallop import clock, log
from gallop.adapters.table import jobs
from gallop.domain import models
from gallop.domain.dashscope import reconciliation, replies
from gallop.domain.dashscope.reconciliation import Made
from gallop.domain.errors import TryAgain, VendorRefused
from gallop.domain.failure_codes import FailureCode
from gallop.domain.frozen import frozen
from gallop.domain.job import Failure, Job, JobState, cancelled, is_terminal
from gallop.domain.request import estimate
from gallop.services import poll_schedule, publish, slots, vendor_host
from gallop.steps import step
from gallop.steps.step import Next

if TYPE_CHECKING:
    from gallop.steps.step import Step

# DashScope may not find a task that it has just accepted.
UNKNOWN_IS_EARLY_SECONDS = 120
# It must answer so for a while: one such answer, or a wrong key for a moment, must not lose a paid task.
UNKNOWN_FOR_SECONDS = 600
REFUSED_WAIT_SECONDS = 60
MAX_BILLED_SECONDS = 3600


@frozen
class _Answer:
    """The job after a query, what comes next, and the task if it has succeeded."""

    job: Job
    what_next: Step
    succeeded: replies.TaskSucceeded | None = None


def status(job_id: str) -> Step:
    """Query the task, once or as long as its end is near, and record its status; return what comes next."""
    read = jobs.get(job_id)
    if is_terminal(read.state):
        return step.finish()
    if read.state is JobState.STORING:
        slots.release(read)
        return step.save()
    poll_schedule.keep_apart(read.updated_at)
    since, previous_query_at = clock.now(), read.updated_at
    answer = _ask(read)
    while answer.what_next.next is Next.WAIT and poll_schedule.may_hold(answer.what_next.wait_seconds, since):
        previous_query_at = clock.now()
        clock.sleep(answer.what_next.wait_seconds)
        answer = _ask(answer.job)
    job = jobs.advance(read, answer.job.at(answer.job.state, clock.now()))
    if answer.succeeded:
        slots.release(job)
        poll_schedule.learn(job, answer.succeeded, previous_query_at)
        publish.status(job)
    return answer.what_next


def _ask(job: Job) -> _Answer:
    job = replace(job, polls=job.polls + 1)
    try:
        job, task = vendor_host.query(job)
    except TryAgain as error:
        return _ask_again(job, str(error))
    except VendorRefused as refused:
        # The task is paid and continues to run; a wrong key can be replaced before the deadline.
        return _ask_again(job, str(refused), at_least=REFUSED_WAIT_SECONDS)
    return _decide(job, task)


def _decide(job: Job, task: replies.Task) -> _Answer:
    match task:
        case replies.TaskWaiting():
            return _ask_again(poll_schedule.seen(job, task))
        case replies.TaskSucceeded():
            return _store(poll_schedule.seen_ended(job, task), task)
        case replies.TaskFailed(code, message):
            failure = Failure(FailureCode.GENERATION_FAILED, "DashScope could not make the video.", code, message)
            return _end(poll_schedule.seen_ended(job, task), failure)
        case replies.TaskCanceled():
            return _end(job, cancelled("The task was cancelled at DashScope."))
        case replies.TaskUnknown():
            return _unknown(job)
    assert_never(task)


def _end(job: Job, failure: Failure) -> _Answer:
    return _Answer(job, step.finish(failure))


def _ask_again(job: Job, error: str = "", at_least: int = 0) -> _Answer:
    now = clock.now()
    remaining = job.deadline - now
    if remaining <= 0:
        minutes = round((job.deadline - job.created_at) / 60)
        message = f"Task {job.task_id} had not ended {minutes} minutes after the job was accepted. {error}".strip()
        return _end(job, Failure(FailureCode.DEADLINE_EXCEEDED, message))
    if error:
        log.warning("task status unavailable", job_id=job.id, error=error)
    seconds = max(poll_schedule.wait_seconds(job), at_least)
    return _Answer(job, step.wait_for_task(max(1, min(seconds, round(remaining)))))


def _store(job: Job, task: replies.TaskSucceeded) -> _Answer:
    if job.is_adopted and not _is_ours(job, task):
        jobs.release(job)
        message = f"The reply to the submit was lost, and the only candidate, task {job.task_id}, does not match."
        return _end(job, Failure(FailureCode.OUTCOME_UNKNOWN, message))
    request, resolution, seconds = job.request, _billed_resolution(job, task), _billed_seconds(job, task)
    cost = estimate.cost_usd(request, resolution, seconds, job.scope)
    return _Answer(replace(job, state=JobState.STORING, usage=task.usage, cost=cost), step.save(), task)


def _billed_seconds(job: Job, task: replies.TaskSucceeded) -> float:
    billed = task.usage.get("duration")
    if isinstance(billed, int | float) and 0 <= billed <= MAX_BILLED_SECONDS:
        return billed
    return estimate.input_seconds(job.request) + estimate.output_seconds(job.request)


def _billed_resolution(job: Job, task: replies.TaskSucceeded) -> str:
    billed, model = f"{task.usage.get('SR')}P", models.MODELS.get(job.request.model)
    return billed if model and billed in model.choices("resolution") else job.request.resolution


def _is_ours(job: Job, task: replies.TaskSucceeded) -> bool:
    request, usage = job.request, task.usage
    ordered = Made(
        request.prompt, request.resolution, str(request.parameters.get("ratio", "")), estimate.output_range(request)
    )
    resolution, seconds = f"{usage['SR']}P" if usage.get("SR") else "", usage.get("output_video_duration", 0)
    length = (seconds, seconds) if isinstance(seconds, int | float) else None
    reported = Made(task.orig_prompt, resolution, str(usage.get("ratio") or ""), length)
    return jobs.owner_of(job.task_id) == job.id and reconciliation.is_ours(ordered, reported)


def _unknown(job: Job) -> _Answer:
    now = clock.now()
    if now - (job.running_since or 0) < UNKNOWN_IS_EARLY_SECONDS:
        return _ask_again(job, "DashScope does not know the task yet.")
    if job.unknown_since is None:
        job = replace(job, unknown_since=now)
    if now - (job.unknown_since or now) < UNKNOWN_FOR_SECONDS:
        return _ask_again(job, "DashScope does not know the task.")
    message = (
        f"DashScope no longer knows task {job.task_id}: it expired (24 hours), "
        "or the key now belongs to another region or account."
    )
    return _end(job, Failure(FailureCode.TASK_UNKNOWN, message))

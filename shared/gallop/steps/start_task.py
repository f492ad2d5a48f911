"""Sends the one paid request of a job: a single POST, recorded before its first byte is sent."""

from __future__ import annotations

import random
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, assert_never

from gallop import clock, log, metrics
from gallop.adapters import dashscope
from gallop.adapters.s3 import presigned
from gallop.adapters.table import jobs, submit_lease
from gallop.domain import models
from gallop.domain.dashscope import error_codes, reconciliation, replies
from gallop.domain.errors import (
    AttemptInFlight,
    LaneBusy,
    OutcomeUnknown,
    VendorRefused,
    VendorThrottled,
    VendorUnreachable,
    WrongState,
)
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Attempt, AttemptEnd, Failure, Job, JobState
from gallop.domain.metrics import Metric
from gallop.domain.request.clips import LinkedClip, StoredClip
from gallop.domain.request.images import InlineImage, LinkedImage, StoredImage
from gallop.domain.scheduling import submit_backoff
from gallop.services import lanes, poll_schedule, publish, vendor_accounts, vendor_host
from gallop.steps import step
from gallop.steps.step import Next

if TYPE_CHECKING:
    from gallop.domain.request.media import Source
    from gallop.steps.step import Step

ATTEMPT_SECONDS = reconciliation.ATTEMPT_SECONDS
# About two seconds. After that the workflow waits, which costs nothing and occupies no function.
LANE_TRIES = 12
# The first and the longest pause of a lane that fails while others make its model; each pause is twice the one before.
THROTTLED_SECONDS = (submit_backoff.AFTER_REFUSAL_SECONDS, submit_backoff.LONGEST_SECONDS)
LOST_SECONDS = UNREACHABLE_SECONDS = (15.0, 600.0)
REFUSED_SECONDS = (submit_backoff.ACCOUNT_REFUSED_SECONDS, 3600.0)
LANE_WAIT_SECONDS, LANE_WAIT_GROWTH, MAX_LANE_WAIT = 0.05, 1.2, 0.4


def start_task(job_id: str) -> Step:
    """Start a job's task, unless it has one, or may have one; return what comes next.

    Raises:
        VendorUnreachable, VendorThrottled: certainly no task was created; the step may be run again.
        AttemptInFlight: another run of this step may still be waiting for its reply.
        LaneBusy: attempts of other jobs are in progress.
        WrongState: another run of this step was faster.

    """
    job = jobs.get(job_id)
    match job.state:
        case JobState.QUEUED:
            return _submit(job)
        case JobState.SUBMITTING:
            return _resume(job)
        case JobState.OUTCOME_UNKNOWN:
            return _submit(job) if job.made_no_task else step.reconcile(reconciliation.FIRST_LOOK_SECONDS)
        case JobState.RUNNING:
            return step.wait_for_task(poll_schedule.wait_seconds(job))
        case JobState.STORING:
            return step.save()
        case JobState.SUCCEEDED | JobState.FAILED | JobState.CANCELLED:
            return step.finish()
    assert_never(job.state)


def _resume(job: Job) -> Step:
    if job.attempt is None or job.made_no_task:
        return _submit(job)
    if clock.now() - job.attempt.started_at < ATTEMPT_SECONDS:
        raise AttemptInFlight(f"An attempt of job {job.id} may still be in progress.")
    return _park(job, "the function that sent the request crashed")


def _submit(job: Job) -> Step:
    if failure := _too_late(job):
        return step.finish(failure)
    is_doubtful = False
    if job.account:
        job, wait_seconds, is_doubtful = lanes.enter(job)
        if wait_seconds:
            return step.reconcile(wait_seconds)
    return _attempt(job, is_doubtful=is_doubtful)


def _too_late(job: Job) -> Failure | None:
    if clock.now() > job.deadline:
        message = "The job could not be sent to DashScope before its deadline."
        return Failure(FailureCode.DEADLINE_EXCEEDED, message)
    if job.request.model not in models.MODELS:
        # Of a newer version, before a rollback.
        message = f"This version of Gallop does not have the model {job.request.model}."
        return Failure(FailureCode.INTERNAL_ERROR, message)
    return None


def _attempt(job: Job, *, is_doubtful: bool) -> Step:
    """Make one attempt, alone in its lane; a lane that ``is_doubtful`` has failed, and is proven if it accepts."""
    account = vendor_accounts.of(job)
    before, job = job, vendor_host.at_present_host(job, account)
    body = dashscope.submission(job.request, [_address(source) for source in job.request.sources])
    attempt_id, lane = uuid.uuid4().hex, job.lane
    entered_at, interval = _enter(lane, attempt_id)
    try:
        opened = _open_attempt(before, job, Attempt(attempt_id, entered_at))
    except WrongState:
        submit_lease.release(lane, attempt_id, entered_at + interval, interval)
        raise
    try:
        what_next = _send(opened, account.key, body)
    except VendorThrottled:
        interval = submit_backoff.after_refusal(interval)
        submit_lease.release(lane, attempt_id, clock.now() + interval, interval)
        if other := _elsewhere(job, THROTTLED_SECONDS):
            return other
        raise
    except VendorUnreachable:
        # Certainly no task. After any other error the lease is left to expire: until then no other attempt can start.
        submit_lease.release(lane, attempt_id, entered_at + interval, interval)
        if other := _elsewhere(job, UNREACHABLE_SECONDS):
            return other
        raise
    if what_next.next is Next.RECONCILE:
        # Held for a while, so that a task that appears late cannot be another job's.
        submit_lease.acquire(lane, attempt_id, clock.now(), clock.now() + reconciliation.LANE_HELD_SECONDS)
        # The other jobs leave the lane. This one stays, because it may have a task here.
        _elsewhere(job, LOST_SECONDS)
    elif _is_account_error(what_next.failure):
        submit_lease.release(lane, attempt_id, clock.now() + submit_backoff.ACCOUNT_REFUSED_SECONDS, interval)
        return _elsewhere(job, REFUSED_SECONDS) or what_next
    else:
        submit_lease.release(lane, attempt_id, entered_at + interval, submit_backoff.after_acceptance(interval))
        if is_doubtful:
            lanes.prove(job)
    return what_next


def _elsewhere(job: Job, pauses: tuple[float, float]) -> Step | None:
    """Close the lane of a job if others make its model, so that one of them takes it; return what comes next."""
    wait_seconds = lanes.leave(job, *pauses) if job.account else None
    return None if wait_seconds is None else step.reconcile(wait_seconds)


def _send(job: Job, key: str, body: dict[str, Any]) -> Step:
    try:
        accepted = dashscope.submit(job.base_url, key, body)
    except (VendorUnreachable, VendorThrottled):
        _close_attempt(job, AttemptEnd.REFUSED)
        raise
    except VendorRefused as refused:
        _close_attempt(job, AttemptEnd.REFUSED)
        message = "DashScope refused the request."
        return step.finish(Failure(FailureCode.VENDOR_REFUSED, message, refused.vendor_code, refused.vendor_message))
    except OutcomeUnknown as unknown:
        return _park(job, str(unknown))
    job = _record_task(job, accepted)
    publish.status(job)
    return step.wait_for_task(poll_schedule.wait_seconds(job))


def _is_account_error(failure: Failure | None) -> bool:
    return failure is not None and error_codes.meaning(failure.vendor_code).kind in error_codes.OF_THE_ACCOUNT


def _enter(lane: str, attempt_id: str) -> tuple[float, float]:
    """Wait briefly for the lane; return when it was entered (epoch seconds), and the seconds between attempts."""
    wait = LANE_WAIT_SECONDS
    for _ in range(LANE_TRIES):
        now = clock.now()
        interval = submit_lease.acquire(lane, attempt_id, now, now + ATTEMPT_SECONDS)
        if interval is not None:
            return now, interval
        clock.sleep(random.uniform(0.5, 1) * wait)  # noqa: S311 - jitter, not a secret
        wait = min(wait * LANE_WAIT_GROWTH, MAX_LANE_WAIT)
    raise LaneBusy("Attempts of other jobs are in progress, or DashScope has throttled them.")


def _open_attempt(before: Job, job: Job, attempt: Attempt) -> Job:
    opened = replace(job.at(JobState.SUBMITTING, clock.now()), attempt=attempt, submits=job.submits + 1)
    return jobs.advance(before, opened)


def _close_attempt(job: Job, end: AttemptEnd) -> Job:
    return jobs.advance(job, replace(job.at(job.state, clock.now()), attempt=_ended(job, end)))


def _park(job: Job, reason: str) -> Step:
    parked = job.at(JobState.OUTCOME_UNKNOWN, clock.now())
    parked = jobs.advance(job, replace(parked, attempt=_ended(job, AttemptEnd.UNKNOWN), lost=job.lost + 1))
    metrics.count(Metric.LOST_REPLIES)
    publish.status(parked)
    log.warning("outcome unknown", job_id=job.id, reason=reason)
    return step.reconcile(reconciliation.FIRST_LOOK_SECONDS)


def _record_task(job: Job, accepted: replies.Accepted) -> Job:
    log.info("task started", job_id=job.id, task_id=accepted.task_id)
    try:
        return jobs.claim(job, _running(job, accepted), is_certain=True)
    except WrongState:
        # Another run presumed that this one had crashed, and parked the job. But the reply is here.
        parked = jobs.get(job.id)
        return jobs.claim(parked, _running(parked, accepted), is_certain=True)


def _running(job: Job, accepted: replies.Accepted) -> Job:
    now = clock.now()
    return replace(
        job.at(JobState.RUNNING, now),
        attempt=_ended(job, AttemptEnd.ACCEPTED),
        task_id=accepted.task_id,
        vendor_request_id=accepted.request_id,
        running_since=now,
    )


def _ended(job: Job, end: AttemptEnd) -> Attempt | None:
    return job.attempt and replace(job.attempt, end=end, ended_at=clock.now())


def _address(source: Source) -> str:
    match source:
        case LinkedImage(url) | LinkedClip(url):
            return url
        case StoredImage(bucket, key, version_id) | StoredClip(bucket, key, version_id):
            return presigned.url_for_vendor(bucket, key, version_id)
        case InlineImage():
            raise TypeError("an inline image was never stored")
    assert_never(source)

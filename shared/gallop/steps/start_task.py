"""The one place that spends money: one POST, recorded before its first byte leaves."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from gallop import clock, log
from gallop.domain import polling, receipts
from gallop.domain.images import InlineImage, LinkedImage, StoredImage
from gallop.domain.job import Attempt, AttemptEnd, Failure, Job, JobState
from gallop.edges import dashscope, objects, store, vault
from gallop.errors import AttemptInFlight, OutcomeUnknown, VendorRefused, VendorThrottled, VendorUnreachable
from gallop.steps import step

if TYPE_CHECKING:
    from gallop.steps.step import Step

# Longer than the function may run: an open attempt that is older was left by a run that is dead.
ATTEMPT_SECONDS = 95


def start_task(job_id: str) -> Step:
    """Start the job's task, unless it has one, or may have one.

    Raises:
        VendorUnreachable, VendorThrottled: surely no task was made; the step may be run again.
        AttemptInFlight: another run of this step may still be waiting for its reply.

    """
    job = store.job(job_id)
    match job.state:
        case JobState.QUEUED:
            return _submit(job)
        case JobState.SUBMITTING:
            return _resume(job)
        case JobState.OUTCOME_UNKNOWN:
            return step.finish(_unknown("The reply to the submit was lost."))
        case JobState.RUNNING:
            return step.wait(_first_wait(job))
        case JobState.STORING:
            return step.save()
        case JobState.SUCCEEDED | JobState.FAILED | JobState.CANCELLED:
            return step.finish()
    assert_never(job.state)


def _resume(job: Job) -> Step:
    if job.attempt is None or job.attempt.end is AttemptEnd.REFUSED:
        return _submit(job)
    if clock.now() - job.attempt.started_at < ATTEMPT_SECONDS:
        raise AttemptInFlight(f"An attempt of job {job.id} may still be in the air.")
    return _park(job, "The function that sent the submit did not live to see the reply.")


def _submit(job: Job) -> Step:
    key = vault.dashscope_key()
    body = dashscope.submission(job.request, [_address(image) for image in job.request.images])
    job = _open_attempt(job)
    try:
        accepted = dashscope.submit(job.base_url, key, body)
    except (VendorUnreachable, VendorThrottled):
        _close_attempt(job, AttemptEnd.REFUSED)
        raise
    except VendorRefused as refused:
        _close_attempt(job, AttemptEnd.REFUSED)
        return step.finish(Failure(refused.code, str(refused), _remedy(refused.vendor_code)))
    except OutcomeUnknown as unknown:
        return _park(job, str(unknown))
    job = _record_task(job, accepted)
    objects.put_receipt(f"{job.receipts}/{receipts.STATUS}", receipts.status_receipt(job))
    return step.wait(_first_wait(job))


def _open_attempt(job: Job) -> Job:
    now = clock.now()
    attempt = Attempt(uuid.uuid4().hex, now)
    return store.advance(job, replace(job.at(JobState.SUBMITTING, now), attempt=attempt, submits=job.submits + 1))


def _close_attempt(job: Job, end: AttemptEnd) -> Job:
    return store.advance(job, replace(job.at(job.state, clock.now()), attempt=_ended(job, end)))


def _park(job: Job, what_happened: str) -> Step:
    parked = job.at(JobState.OUTCOME_UNKNOWN, clock.now())
    store.advance(job, replace(parked, attempt=_ended(job, AttemptEnd.UNKNOWN)))
    log.warning("outcome unknown", job_id=job.id)
    return step.finish(_unknown(what_happened))


def _record_task(job: Job, accepted: dashscope.Accepted) -> Job:
    now = clock.now()
    running = replace(
        job.at(JobState.RUNNING, now),
        attempt=_ended(job, AttemptEnd.ACCEPTED),
        task_id=accepted.task_id,
        vendor_request_id=accepted.request_id,
        running_since=now,
    )
    log.info("task started", job_id=job.id, task_id=accepted.task_id)
    return store.advance(job, running)


def _ended(job: Job, end: AttemptEnd) -> Attempt | None:
    return job.attempt and replace(job.attempt, end=end)


def _unknown(what_happened: str) -> Failure:
    message = f"{what_happened} There may be a task, and a charge; Gallop does not send a second one."
    return Failure(OutcomeUnknown.code, message, OutcomeUnknown.remedy)


def _remedy(vendor_code: str) -> str:
    if vendor_code in ("InvalidApiKey", "NOT AUTHORIZED"):
        return (
            "Put a DashScope key into the stack's secret that belongs to the region of DashScopeBaseUrl, "
            "then create the job again. Nothing was charged."
        )
    if vendor_code in ("Arrearage", "CommodityNotPurchased", "PrepaidBillOverdue", "PostpaidBillOverdue"):
        return "Settle the account's bill with Alibaba Cloud, then create the job again. Nothing was charged."
    return "Mend what DashScope names, then create the job again. Nothing was charged."


def _address(image: LinkedImage | StoredImage | InlineImage) -> str:
    match image:
        case LinkedImage(url):
            return url
        case StoredImage(bucket, key, version_id, _):
            return objects.url_for_vendor(bucket, key, version_id)
        case InlineImage():
            raise TypeError("an inline image was never stored")
    assert_never(image)


def _first_wait(job: Job) -> int:
    age = clock.now() - (job.running_since or clock.now())
    return polling.next_wait(age, polling.expected_seconds(job.request.resolution, job.request.duration))

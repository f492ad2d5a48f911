"""Repairs the jobs whose execution never started, failed, or ended without ending the job.

A job stays on the sweep's list until it has ended and its last receipts are written.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gallop import clock, metrics, settings
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.table import jobs
from gallop.domain.errors import AwsTrouble
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, JobState
from gallop.domain.metrics import Metric
from gallop.services import account_caps, gauges, lanes, parked, slots
from gallop.services.ending import fail
from gallop.services.isolation import left_to_next_sweep
from gallop.services.repair import repair
from gallop.steps import lost_drops

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.domain.job import Job

STILL_SECONDS = 120


def sweep() -> dict[str, int]:
    """Repair the slots, and every job that has not changed for a while; start parked jobs; measure; report lost drops.

    Return counts of jobs. A job that cannot be repaired does not hold up the others.
    """
    # First, because waiting jobs depend on it.
    slots.repair(settings.known_secret_arn())
    waited = jobs.open_jobs(clock.now() - settings.queue_seconds(), jobs.WAITING)
    still = [*_stopped_in_queue(), *jobs.open_jobs(clock.now() - STILL_SECONDS)]
    done = [*(_try(_give_up, job_id) for job_id in waited), *(_try(repair, job_id) for job_id in still)]
    parked.release_due()
    # Before lost drops are reported, which removes the dead letters that the operator must know of.
    gauges.measure()
    with left_to_next_sweep("lost drops not reported"):
        lost_drops.report()
    if settings.notice_topic_arn():
        with left_to_next_sweep("notices not sent"):
            _send_notices()
    metrics.count(Metric.SWEEPS)
    return {"repaired": done.count(True), "failed": done.count(None)}


def _send_notices() -> None:
    from gallop.services import notices  # noqa: PLC0415 - few stacks send any

    notices.send()


def _try(act: Callable[[Job], bool], job_id: str) -> bool | None:
    with left_to_next_sweep("job repair failed", job_id):
        return act(jobs.get(job_id))
    return None


def _give_up(job: Job) -> bool:
    if job.state is not JobState.QUEUED or job.slot_since is not None:
        # It got a slot after the list had been read.
        return False
    hours = round((clock.now() - job.created_at) / 3600)
    reason = f"No slot became free within {hours} hours."
    fail(job, Failure(FailureCode.WAITED_TOO_LONG, f"{reason}{_about_caps(job)}"))
    return True


def _about_caps(job: Job) -> str:
    # The job ends also if the slots cannot be read.
    with suppress(AwsTrouble):
        if account_caps.opens_at(job, lanes.pool(job.queue).lanes or ()):
            return " Each DashScope account that may make the video has reached its spending cap."
    return ""


def _stopped_in_queue() -> list[str]:
    """Return the waiting jobs whose execution somebody has stopped: the sweep looks at no other waiting jobs."""
    with left_to_next_sweep("stopped executions not listed"):
        if stopped := job_workflow.stopped():
            return [job_id for job_id in jobs.open_jobs(clock.now(), jobs.WAITING) if job_id in stopped]
    return []

"""Starts jobs that a cap has parked, in the order in which they arrived, once there is room for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gallop import clock, log, settings
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.table import budgets, jobs
from gallop.domain import budget
from gallop.domain.budget import Period
from gallop.domain.errors import NoRoom
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure
from gallop.services import publish
from gallop.services.ending import fail
from gallop.services.isolation import left_to_next_sweep

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from gallop.domain.budget import Cap, Shortfall
    from gallop.domain.job import Job

# The maximum per run, which has less than a minute.
MAX_RELEASES = 100


def release_due() -> None:
    """Start the parked jobs for which there is room, and end those that have waited too long.

    The first job without room in the day's cap holds up all later ones, so that an expensive job is not overtaken
    permanently. A job without room in the month's cap waits for the next month, and later, cheaper jobs may use what
    remains of this month.
    """
    remaining, held_up = MAX_RELEASES, False
    too_expensive: dict[Cap, Decimal] = {}
    for job_id in jobs.open_jobs(clock.now(), jobs.PARKED):
        with left_to_next_sweep("parked job release failed", job_id):
            job = jobs.get(job_id)
            if job.parked and clock.now() >= job.deadline:
                _give_up(job, f"{job.parked.reason} No budget became free in time.")
            elif job.parked and remaining and not held_up and not _is_too_expensive(job, too_expensive):
                short = release(job)
                remaining -= short is None
                held_up = short is not None and short.cap.period is Period.DAY
                if short:
                    too_expensive[short.cap] = short.estimate


def _is_too_expensive(job: Job, too_expensive: Mapping[Cap, Decimal]) -> bool:
    """Return whether a cap of this job has just had no room for a job that costs the same or less."""
    return any(cap in too_expensive and too_expensive[cap] <= job.estimated_cost for cap in budgets.caps_of(job.client))


def release(job: Job) -> Shortfall | None:
    """Start a parked job; return what a cap lacks for it, if the job has to wait for that."""
    caps, now = budgets.caps_of(job.client), clock.now()
    reserved = budget.reservation(caps, job.estimated_cost, now)
    deadline = now + settings.queue_seconds() + settings.deadline_seconds()
    free = replace(job.at(job.state, now), parked=None, reserved=reserved, deadline=deadline)
    try:
        jobs.unpark(job, free, budgets.reserving(caps, reserved, now))
    except NoRoom:
        short = budgets.shortfall(caps, job.estimated_cost, now)
        if short is None or not short.is_final:
            return short
        _give_up(job, short.message)
        return None
    publish.status(jobs.get(job.id))
    job_workflow.start(job.id)
    log.info("parked job released", job_id=job.id)
    return None


def _give_up(job: Job, message: str) -> None:
    fail(job, Failure(FailureCode.BUDGET_EXCEEDED, message))

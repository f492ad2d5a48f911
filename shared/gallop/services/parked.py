"""Starts jobs that a cap has parked, in the order in which they arrived, once there is room for them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from gallop import clock, log, settings
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.table import budgets, jobs
from gallop.domain import budget
from gallop.domain.budget import Period
from gallop.domain.errors import NoRoom
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, JobState
from gallop.services import publish
from gallop.services.ending import fail
from gallop.services.groups import siblings
from gallop.services.isolation import left_to_next_sweep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gallop.domain.budget import Cap, Reservation, Shortfall
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
    """Start a parked job, with those of its group; return what a cap lacks for them, if they have to wait for that."""
    caps, now = budgets.caps_of(job.client), clock.now()
    together = [one for one in siblings(job) if one.parked and one.state is JobState.QUEUED] if job.group else [job]
    deadline = now + settings.queue_seconds() + settings.deadline_seconds()
    free = [
        replace(one.at(one.state, now), parked=None, deadline=deadline, reserved=_reservation(caps, [one], now))
        for one in together
    ]
    try:
        jobs.unpark(together, free, budgets.reserving(caps, _reservation(caps, together, now), now))
    except NoRoom:
        short = budgets.shortfall(caps, _estimate(together), now)
        if short is None or not short.is_final:
            return short
        for one in together:
            _give_up(one, replace(short, jobs=len(together)).message)
        return None
    for one in together:
        publish.status_of_job(jobs.get(one.id))
        job_workflow.start(one.id)
        log.info("parked job released", job_id=one.id)
    publish.status_of_group(job)
    return None


def _estimate(together: Sequence[Job]) -> Decimal:
    return sum((job.estimated_cost for job in together), Decimal(0))


def _reservation(caps: Sequence[Cap], together: Sequence[Job], now: float) -> Reservation | None:
    return budget.reservation(caps, _estimate(together), now)


def _give_up(job: Job, message: str) -> None:
    fail(job, Failure(FailureCode.BUDGET_EXCEEDED, message))

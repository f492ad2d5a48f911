"""Lets jobs go on that were parked for want of money, once there is room for them, in the order in which they came."""

from __future__ import annotations

from dataclasses import replace

from gallop import clock, log, settings
from gallop.domain import budget
from gallop.domain.job import Failure, Job
from gallop.edges import budgets, store, workflow
from gallop.errors import BudgetExceeded, GallopError, NoRoom
from gallop.steps import publish
from gallop.steps.finish import fail

# What one run does: it has less than a minute.
RELEASES_AT_MOST = 100


def release_due() -> None:
    """Start the parked jobs for which there is room now, and end those that have waited too long.

    The first one for which there is no room holds up those behind it: a large job is not overtaken for ever.
    """
    for job_id in store.open_jobs(clock.now(), store.PARKED)[:RELEASES_AT_MOST]:
        try:
            if not _move(store.job(job_id)):
                break
        except GallopError as error:
            log.warning("parked job could not be moved", job_id=job_id, error=str(error))


def _move(job: Job) -> bool:
    if not job.parked:
        return True
    if clock.now() >= job.deadline:
        return _give_up(job, f"{job.parked.because} No room came in time. Nothing was charged.")
    caps, now = budgets.caps_of(job.client), clock.now()
    reserved = budget.reservation(caps, job.estimated_cost, now)
    deadline = now + settings.queue_seconds() + settings.deadline_seconds()
    free = replace(job.at(job.state, now), parked=None, reserved=reserved, deadline=deadline)
    try:
        store.unpark(job, free, budgets.reserving(caps, reserved, now))
    except NoRoom:
        short = budgets.shortfall(caps, job.estimated_cost, now)
        return short is not None and short.is_final and _give_up(job, f"{short.message} Nothing was charged.")
    publish.status(store.job(job.id))
    workflow.start(job.id)
    log.info("parked job released", job_id=job.id)
    return True


def _give_up(job: Job, message: str) -> bool:
    remedy = "Let the operator raise the cap, then create the job again."
    fail(job, Failure(BudgetExceeded.code, message, remedy))
    return True

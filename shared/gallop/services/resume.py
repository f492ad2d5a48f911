"""Resumes a job now, which the sweep would resume later: one that waits for a budget, or whose execution is gone."""

from __future__ import annotations

from enum import StrEnum

from gallop.adapters.table import jobs
from gallop.domain.job import JobState, is_terminal
from gallop.services import parked, repair


class Resumption(StrEnum):
    """The outcome of a resume request."""

    RESUMED = "resumed"
    NO_ROOM = "no_room"
    RUNNING = "running"
    ENDED = "ended"


def resume(job_id: str) -> tuple[Resumption, str]:
    """Resume a job if nothing runs for it; return the outcome, and why if there is more to say.

    A parked job starts only if every cap has room for it: it does not wait for the jobs before it.

    Raises:
        JobNotFound: there is no such job.

    """
    job = jobs.get(job_id)
    if job.parked and job.state is JobState.QUEUED:
        short = parked.release(job)
        if short:
            return Resumption.NO_ROOM, short.message
    elif not repair.repair(job, at_once=True):
        return (Resumption.ENDED if is_terminal(job.state) else Resumption.RUNNING), ""
    after = jobs.get(job_id)
    if is_terminal(after.state) and not is_terminal(job.state):
        return Resumption.ENDED, after.failure.message if after.failure else ""
    return (Resumption.ENDED if is_terminal(job.state) else Resumption.RESUMED), ""

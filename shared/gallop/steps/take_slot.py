"""Puts a job in the queue for a slot; its execution resumes when it has one."""

from __future__ import annotations

from gallop.adapters.stepfunctions import executions
from gallop.adapters.table import jobs, slots
from gallop.services.slots import grant_free_slots, record_first_position


def take_slot(job_id: str, token: str) -> None:
    """Put a job in the queue; the execution that holds the token resumes once the job has a slot, or needs none.

    Raises:
        JobNotFound: there is no such job.

    """
    job = jobs.get(job_id)
    if not slots.enqueue(job, token):
        executions.resume(token)
        return
    grant_free_slots(job.lane)
    record_first_position(jobs.get(job_id))

"""Puts a job in the queue for a slot; its execution resumes when it has one."""

from __future__ import annotations

from gallop.adapters.stepfunctions import executions
from gallop.adapters.table import jobs
from gallop.services import slots


def take_slot(job_id: str, token: str) -> None:
    """Put a job in the queue; the execution that holds the token resumes once the job has a slot, or needs none.

    Raises:
        JobNotFound: there is no such job.

    """
    if not slots.arrive(jobs.get(job_id), token):
        executions.resume(token)

"""Puts a job in the queue for a slot; its execution resumes when it has one."""

from __future__ import annotations

from gallop.adapters.stepfunctions import executions
from gallop.adapters.table import jobs as store
from gallop.adapters.table import slots
from gallop.services.slots import admit, tell_newcomer


def take(job_id: str, token: str) -> None:
    """Let the execution that gave this token go on once the job has a slot, or needs none.

    Raises:
        JobNotFound: there is no such job.

    """
    job = store.job(job_id)
    if not slots.join(job, token):
        executions.go_on(token)
        return
    admit(job.lane)
    tell_newcomer(store.job(job_id))

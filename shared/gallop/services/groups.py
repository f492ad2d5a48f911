"""The jobs of a group."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gallop.adapters.table import jobs
from gallop.domain import groups
from gallop.domain.errors import JobNotFound
from gallop.domain.request.own_fields import MAX_N

if TYPE_CHECKING:
    from gallop.domain.job import Job


def members(group_id: str, size: int = MAX_N) -> tuple[Job, ...]:
    """Return the jobs of a group that still exist, in their order; ``size`` is how many it has, if that is known."""
    found: list[Job] = []
    for job_id in groups.job_ids(group_id, size):
        with suppress(JobNotFound):
            found.append(jobs.get(job_id))
    return tuple(job for job in found if job.group and job.group.id == group_id)


def siblings(job: Job) -> tuple[Job, ...]:
    """Return the jobs of a job's group that still exist, itself among them; without a group, only itself."""
    return members(job.group.id, job.group.size) if job.group else (job,)


def jobs_of(owner: str) -> tuple[Job, ...]:
    """Return what a drop has: the jobs of a group that still exist, or the job with this id."""
    if groups.is_group_id(owner):
        return members(owner)
    with suppress(JobNotFound):
        return (jobs.get(owner),)
    return ()

"""The jobs of a group."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gallop.adapters.table import jobs
from gallop.domain import groups
from gallop.domain.errors import JobNotFound

if TYPE_CHECKING:
    from gallop.domain.job import Job


def members(group_id: str) -> tuple[Job, ...]:
    """Return the jobs of a group that still exist, in their order."""
    found: list[Job] = []
    for job_id in groups.job_ids(group_id):
        with suppress(JobNotFound):
            found.append(jobs.get(job_id))
    return tuple(job for job in found if job.group and job.group.id == group_id)

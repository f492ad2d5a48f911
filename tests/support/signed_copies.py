"""Files in the place of signed copies, for tests that move and delete such a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from gallop.adapters.table import job_items, jobs
from gallop.services import publish

if TYPE_CHECKING:
    from gallop.domain.job import Job


def add(job: Job) -> Job:
    """Store a file as the signed copy of a job's video, and record it; return the job."""
    assert jobs.note(job, "signed", job_items.FILE.write(publish.put_signed(job, io.BytesIO(b"signed"))))
    return jobs.get(job.id)

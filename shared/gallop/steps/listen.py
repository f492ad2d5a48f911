"""Waits that DashScope's report can end early. The report is not trusted: the resumed execution asks DashScope."""

from __future__ import annotations

from gallop import clock
from gallop.adapters.table import completion_waits
from gallop.domain.errors import AlreadyCompleted


def listen(job_id: str, token: str) -> None:
    """Register an execution's task token, so that it resumes when the job's task has ended.

    Raises:
        AlreadyCompleted: DashScope has already reported the end.

    """
    if completion_waits.wait(job_id, token, clock.now()):
        raise AlreadyCompleted(f"DashScope has already reported the end of the task of job {job_id}.")

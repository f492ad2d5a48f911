"""Why a job's execution failed although the job can still succeed, and how long the sweep waits before it resumes it.

The pauses grow, because an error inside Gallop stays until somebody corrects it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.domain.job import Interruption

if TYPE_CHECKING:
    from gallop.domain.job import Failure, Job

SHORTEST_SECONDS, LONGEST_SECONDS = 120, 900
# The last resumption comes this long before the deadline, however long the pause is.
LAST_TRY_SECONDS = 300


def interruption(job: Job, failure: Failure, now: float) -> Interruption:
    """Interrupt a job until its next execution is due."""
    pause = min(SHORTEST_SECONDS * 2**job.resumes, LONGEST_SECONDS)
    return Interruption(failure, min(now + pause, job.deadline - LAST_TRY_SECONDS))

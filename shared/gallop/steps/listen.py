"""Waits that DashScope's word cuts short. It is never believed by itself: whoever is woken asks."""

from __future__ import annotations

from gallop import clock
from gallop.adapters.table import completion_waits
from gallop.domain.errors import AlreadyCompleted


def listen(job_id: str, token: str) -> None:
    """Let the execution that holds the token be woken when its job's task has ended.

    Raises:
        AlreadyCompleted: it has ended, so that there is nothing to wait for.

    """
    if completion_waits.wait(job_id, token, clock.now()):
        raise AlreadyCompleted(f"The task of job {job_id} is said to have ended.")

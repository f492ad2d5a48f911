"""Waits that DashScope's word cuts short. It is never believed by itself: whoever is woken asks."""

from __future__ import annotations

from gallop import clock
from gallop.adapters.table import completion_waits as listeners
from gallop.domain.errors import ToldAlready


def listen(job_id: str, token: str) -> None:
    """Let the execution that holds the token be woken when its job's task has ended.

    Raises:
        ToldAlready: it has ended, so that there is nothing to wait for.

    """
    if listeners.listen(job_id, token, clock.now()):
        raise ToldAlready(f"The task of job {job_id} is said to have ended.")

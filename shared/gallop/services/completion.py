"""Takes DashScope's word that a task has ended. It is never believed: whoever is woken asks."""

from __future__ import annotations

from enum import StrEnum

from gallop import clock, log
from gallop.adapters.table import completion_waits as listeners
from gallop.adapters.table import jobs as store


class Heard(StrEnum):
    """What came of an event."""

    TOLD = "told"
    TOLD_BEFORE = "told_before"
    NOT_OURS = "not_ours"


def hear(task_id: str) -> Heard:
    """Take the word that a task has ended: once, and only of a task that a job of ours owns."""
    job_id = store.owner_of(task_id)
    if job_id is None:
        return Heard.NOT_OURS
    heard = Heard.TOLD if listeners.tell(job_id, task_id, clock.now()) else Heard.TOLD_BEFORE
    log.info("end of a task told", job_id=job_id, task_id=task_id, heard=heard.value)
    return heard

"""Receives DashScope's reports that a task has ended. They are not trusted: the resumed execution asks DashScope."""

from __future__ import annotations

from enum import StrEnum

from gallop import clock, log
from gallop.adapters.table import completion_waits, jobs


class CompletionResult(StrEnum):
    """The result of an event."""

    RECEIVED = "received"
    ALREADY_RECEIVED = "already_received"
    NOT_OURS = "not_ours"


def receive(task_id: str) -> CompletionResult:
    """Record that a task has ended: once, and only for a task that a job of this stack owns."""
    job_id = jobs.owner_of(task_id)
    if job_id is None:
        return CompletionResult.NOT_OURS
    result = (
        CompletionResult.RECEIVED
        if completion_waits.notify(job_id, task_id, clock.now())
        else CompletionResult.ALREADY_RECEIVED
    )
    log.info("completion event received", job_id=job_id, task_id=task_id, result=result.value)
    return result

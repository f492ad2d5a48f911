"""What follows the end of a job for certain, and never holds it up: others are told, by an execution of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.adapters.stepfunctions import webhook_workflow

if TYPE_CHECKING:
    from gallop.domain.job import Job


def ended(job: Job) -> None:
    """Let the end of a job be told. Called again for the same job, it does nothing."""
    webhook_workflow.announce(job.id)

"""The webhook workflow: one execution per ended job and one per delivery, each named after what it delivers."""

from __future__ import annotations

import secrets

from gallop import settings
from gallop.adapters.stepfunctions import executions


def announce(job_id: str) -> None:
    """Start notifying a job's webhooks of its end; once, however often this is called."""
    _start(job_id, {"job_id": job_id, "endpoint_id": None})


def deliver(job_id: str, endpoint_id: str) -> None:
    """Start the delivery of a job's end to an endpoint; once, however often this is called."""
    _start(f"{job_id}-{endpoint_id}", _delivery(job_id, endpoint_id))


def replay(job_id: str, endpoint_id: str) -> None:
    """Deliver a job's end to an endpoint again, with the same retries."""
    _start(f"{job_id}-{endpoint_id}-{secrets.token_hex(4)}", _delivery(job_id, endpoint_id))


def _delivery(job_id: str, endpoint_id: str) -> dict[str, object]:
    return {"job_id": job_id, "endpoint_id": endpoint_id, "number": 1}


def _start(name: str, data: dict[str, object]) -> None:
    executions.start(settings.webhook_workflow_arn(), name, data)

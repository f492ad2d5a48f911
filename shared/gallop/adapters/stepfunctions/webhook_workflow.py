"""The workflow that tells of ended jobs: one execution a job and one a delivery, each named after what it is about."""

from __future__ import annotations

import secrets

from gallop import settings
from gallop.adapters.stepfunctions import executions


def announce(job_id: str) -> None:
    """Let the end of a job be told; each is told once however often it is called."""
    _start(job_id, {"job_id": job_id, "endpoint_id": None})


def deliver(job_id: str, endpoint_id: str) -> None:
    """Let an endpoint be told of a job's end; once, however often it is called."""
    _start(f"{job_id}-{endpoint_id}", _delivery(job_id, endpoint_id))


def replay(job_id: str, endpoint_id: str) -> None:
    """Let an endpoint be told of a job's end once more, with the same retries."""
    _start(f"{job_id}-{endpoint_id}-{secrets.token_hex(4)}", _delivery(job_id, endpoint_id))


def _delivery(job_id: str, endpoint_id: str) -> dict[str, object]:
    return {"job_id": job_id, "endpoint_id": endpoint_id, "number": 1}


def _start(name: str, given: dict[str, object]) -> None:
    executions.start(settings.webhook_workflow_arn(), name, given)

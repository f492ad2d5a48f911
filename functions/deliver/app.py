"""Tells the world of the end of a job: its event on EventBridge, and a webhook to each endpoint of its client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.steps import deliver

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Announce the end of a job, make one try of a delivery, or send a test."""
    if "ping" in event:
        return deliver.ping(event["client"], event["endpoint_id"], event["ping"])
    if "endpoint_id" in event:
        return deliver.attempt(event)
    return deliver.announce(event["job_id"])

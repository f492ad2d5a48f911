"""Sends notifications of an ended job: its event on EventBridge, and a webhook to each endpoint of its client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import runs
from gallop.steps import deliver

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@runs.recorded
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Announce the end of a job, make one delivery attempt, or send a test event."""
    match event.get("action"):
        case "announce":
            return deliver.announce(event["job_id"])
        case "attempt":
            return deliver.attempt(event)
        case "ping":
            return deliver.ping(event["client"], event["endpoint_id"], event["ping_id"])
        case unknown:
            raise ValueError(f"Unknown action {unknown!r}: use announce, attempt or ping.")

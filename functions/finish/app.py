"""Gives a job its terminal state and writes its receipts, or renews them with its thumbnail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import runs
from gallop.steps.finish import finish, renew

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@runs.recorded
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """End a job, or renew its receipts; the event that ends it has no action, as in all versions."""
    match event.get("action"):
        case None:
            return {**finish(event)}
        case "renew":
            return {**renew(event["job_id"])}
        case unknown:
            raise ValueError(f"Unknown action {unknown!r}: use renew.")

"""Asks DashScope for the status of a task, or registers which execution to resume when the task has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import runs
from gallop.steps.listen import listen
from gallop.steps.status import status

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@runs.recorded
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Ask about the task of a job, or listen for its end."""
    match event.get("action"):
        case "ask":
            return status(event["job_id"]).as_json()
        case "listen":
            listen(event["job_id"], event["token"])
            return {}
        case unknown:
            raise ValueError(f"Unknown action {unknown!r}: use ask or listen.")

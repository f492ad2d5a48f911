"""Processes a batch: reads its lines, creates their jobs, records their outcomes, closes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import runs
from gallop.steps import batch

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@runs.recorded
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Run the named action; ``run`` is the state of the workflow."""
    match event.get("action"):
        case "read":
            return batch.read(event["run"])
        case "submit_line":
            batch.submit_line(event["run"], event["token"])
        case "end_line":
            batch.end_line(event["run"])
        case "close":
            batch.close(event["run"])
        case unknown:
            raise ValueError(f"Unknown action {unknown!r}: use read, submit_line, end_line or close.")
    return {}

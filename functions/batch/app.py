"""Processes a batch: reads its lines, creates their jobs, records their outcomes, closes or cancels it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import runs
from gallop.steps import batch

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


# Those that answer nothing.
_STEPS = {"end_line": batch.end_line, "close": batch.close, "cancel": batch.cancel}


@runs.recorded
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Run the named action; ``run`` is the state of the workflow."""
    match event.get("action"):
        case "read":
            return batch.read(event["run"])
        case "submit_line":
            batch.submit_line(event["run"], event["token"])
        case "end_line" | "close" | "cancel" as action:
            _STEPS[action](event["run"])
        case unknown:
            raise ValueError(f"Unknown action {unknown!r}: use read, submit_line, end_line, close or cancel.")
    return {}

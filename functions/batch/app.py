"""Works off a batch, step by step: reads its lines, creates their jobs in turn, records their ends, closes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.steps import batch

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Take the step that is named; ``run`` is what the workflow knows by then."""
    match event["step"]:
        case "read":
            return batch.read(event["run"])
        case "submit_line":
            batch.submit_line(event["run"], event["token"])
        case "end_line":
            batch.end_line(event["run"])
        case "close":
            batch.close(event["run"])
    return {}

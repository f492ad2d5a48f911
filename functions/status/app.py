"""Asked by the wait loop how a task stands, or told whom to wake when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.steps.listen import listen
from gallop.steps.status import status

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Ask about the task of a job, or listen for its end."""
    if "token" in event:
        listen(event["job_id"], event["token"])
        return {}
    return status(event["job_id"]).as_json()

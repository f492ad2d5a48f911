"""Identifies the client by its Bearer key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import runs
from gallop.doors.https.authorize import authorize

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@runs.recorded
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Return the caller, or the problem with its key, to API Gateway."""
    return authorize(event)

"""Gives a job its terminal state and writes its last receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.steps.finish import finish

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """End a job."""
    return {**finish(event)}

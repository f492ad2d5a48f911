"""Reconciles one job after a lost reply, for the workflow, and repairs all stranded jobs, on a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.steps.reconcile import reconcile
from gallop.steps.sweep import sweep

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Look for the task of a job, or sweep."""
    match event.get("action"):
        case "reconcile":
            return reconcile(event["job_id"]).as_json()
        case "sweep":
            return {**sweep()}
        case unknown:
            raise ValueError(f"Unknown action {unknown!r}: use reconcile or sweep.")

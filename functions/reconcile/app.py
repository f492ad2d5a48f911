"""Reconciles one job after a lost reply, for the workflow; repairs stranded jobs; does what an operator asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import runs
from gallop.steps import operate
from gallop.steps.reconcile import reconcile
from gallop.steps.sweep import sweep

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@runs.recorded
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Look for the task of a job, sweep, or do what an operator asks for."""
    match event.get("action"):
        case "reconcile":
            return reconcile(event["job_id"]).as_json()
        case "sweep":
            return {**sweep()}
        case "self_check":
            return operate.self_check(event["secret_arn"])
        case action if action in operate.ON_A_JOB:
            return operate.ON_A_JOB[action](event["job_id"])
        case unknown:
            raise ValueError(f"Unknown action {unknown!r}: use reconcile, sweep, cancel, resume, task or self_check.")

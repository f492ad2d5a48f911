"""Reconciles: the lost reply of one job, asked by the workflow; every stranded job, by schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.steps.reconcile import reconcile
from gallop.steps.sweep import sweep

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Look for the task of a job, or sweep."""
    if "job_id" in event:
        return reconcile(event["job_id"]).as_json()
    return {**sweep()}

"""Puts a job into the queue for a slot; its execution resumes when it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import runs
from gallop.steps.take_slot import take_slot

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@runs.recorded
def handler(event: dict[str, Any], _: LambdaContext) -> None:
    """Put a job into the queue, and grant the free slots."""
    take_slot(event["job_id"], event["token"])

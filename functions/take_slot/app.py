"""Puts a job into the queue for a slot; its execution resumes when its turn comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.steps.take_slot import take_slot

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], _: LambdaContext) -> None:
    """Take a slot for a job, now or when its turn comes."""
    take_slot(event["job_id"], event["token"])

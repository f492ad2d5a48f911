"""The job workflow: one execution per job, named after it; a replacement after a crash has a number as well."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.stepfunctions import executions

# One page of answers.
MAX_STOPPED = 1000
_STOPPED: Final = "ABORTED"


class Execution(Enum):
    """The state of an execution; ``STOPPED`` is that of one which an operator has ended."""

    MISSING = "missing"
    LIVE = "live"
    OVER = "over"
    STOPPED = "stopped"


def start(job_id: str, resume: int = 0) -> None:
    """Start the job's execution, or its ``resume``-th replacement. Each starts once, however often this is called."""
    executions.start(settings.workflow_arn(), name_of(job_id, resume), {"job_id": job_id})


@aws.guarded
def execution_state(job_id: str, resume: int = 0) -> Execution:
    """Return the state of the job's execution."""
    client = aws.stepfunctions()
    try:
        response = client.describe_execution(executionArn=_arn(job_id, resume))
    except client.exceptions.ExecutionDoesNotExist:
        return Execution.MISSING
    if response["status"] == _STOPPED:
        return Execution.STOPPED
    return Execution.LIVE if response["status"] in ("RUNNING", "PENDING_REDRIVE") else Execution.OVER


@aws.guarded
def stopped() -> set[str]:
    """Return the jobs with an execution that somebody has stopped in the last 90 days, the newest ``MAX_STOPPED``."""
    found = aws.stepfunctions().list_executions(
        stateMachineArn=settings.workflow_arn(), statusFilter=_STOPPED, maxResults=MAX_STOPPED
    )
    return {execution["name"].partition("-")[0] for execution in found["executions"]}


@aws.guarded
def history(job_id: str, resume: int = 0) -> list[dict[str, Any]]:
    """Return the events of the job's execution as Step Functions has them; nothing if it does not exist any more."""
    client = aws.complete("stepfunctions")
    pages = client.get_paginator("get_execution_history").paginate(executionArn=_arn(job_id, resume))
    try:
        return [event for page in pages for event in page["events"]]
    except client.exceptions.ExecutionDoesNotExist:
        return []


def _arn(job_id: str, resume: int) -> str:
    prefix = settings.workflow_arn().replace(":stateMachine:", ":execution:")
    return f"{prefix}:{name_of(job_id, resume)}"


def name_of(job_id: str, resume: int) -> str:
    """Return the name of the job's execution, or of its ``resume``-th replacement."""
    return f"{job_id}-{resume}" if resume else job_id

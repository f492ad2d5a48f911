"""The workflow: one execution a job, named after it."""

from __future__ import annotations

import json

from gallop import settings
from gallop.edges import aws


@aws.guarded
def start(job_id: str) -> None:
    """Start the job's execution. It has one however often this is called."""
    client = aws.stepfunctions()
    try:
        client.start_execution(
            stateMachineArn=settings.workflow_arn(), name=job_id, input=json.dumps({"job_id": job_id})
        )
    except client.exceptions.ExecutionAlreadyExists:
        return

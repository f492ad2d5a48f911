"""Executions that wait for a job, each by its Step Functions task token in an item of the job.

Those of a batch wait for the job's end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.stepfunctions import executions
from gallop.adapters.table import dynamo

if TYPE_CHECKING:
    from collections.abc import Mapping


@aws.guarded
def wait(job_id: str, batch_id: str, token: str, until: float) -> None:
    """Record that a batch waits for a job; a newer token replaces an older one. ``until`` is an epoch time."""
    item = {**_key(job_id, batch_id), "token": token, "expires_at": int(until)}
    aws.dynamodb().put_item(TableName=settings.job_table(), Item=dynamo.pack(item))


@aws.guarded
def resume_all(job_id: str) -> None:
    """Resume all executions that wait for the end of a job. Those that no longer wait are skipped."""
    for item in dynamo.query(f"JOB#{job_id}", "WAITER#"):
        resume(item)


@aws.guarded
def resume(item: Mapping[str, Any]) -> None:
    """Resume the execution whose token an item holds, and remove the item.

    Only with this token: a newer one belongs to an execution that will itself see that there is nothing to wait for.
    """
    executions.resume(item["token"])
    key = {"pk": item["pk"], "sk": item["sk"]}
    dynamo.write(dynamo.delete(key, "#token = :token", {":token": item["token"]}, {"#token": "token"}))


def _key(job_id: str, batch_id: str) -> dict[str, str]:
    return {"pk": f"JOB#{job_id}", "sk": f"WAITER#{batch_id}"}

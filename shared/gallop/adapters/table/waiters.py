"""Who waits for something of a job: executions, each by a token of Step Functions in an item of the job's.

Those of a batch wait for its end.
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
    """Note that a batch waits for a job; a newer token takes the place of an older one. ``until`` is an epoch time."""
    item = {**_key(job_id, batch_id), "token": token, "expires_at": int(until)}
    aws.dynamodb().put_item(TableName=settings.job_table(), Item=dynamo.pack(item))


@aws.guarded
def resume_all(job_id: str) -> None:
    """Let all go on that wait for a job: it has ended. Who has gone on already, or waits no more, does not mind."""
    for item in dynamo.query(f"JOB#{job_id}", "WAITER#"):
        resume(item)


@aws.guarded
def resume(item: Mapping[str, Any]) -> None:
    """Let the execution go on whose token an item holds, and remove the item.

    Only with this token: a newer one belongs to somebody who will see by himself that there is nothing to wait for.
    """
    executions.resume(item["token"])
    key = {"pk": item["pk"], "sk": item["sk"]}
    dynamo.write(dynamo.delete(key, "#token = :token", {":token": item["token"]}, {"#token": "token"}))


def _key(job_id: str, batch_id: str) -> dict[str, str]:
    return {"pk": f"JOB#{job_id}", "sk": f"WAITER#{batch_id}"}

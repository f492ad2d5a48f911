"""Executions that wait for the completion event of a task, each by its Step Functions task token.

One item per job holds the token to resume and the mark of an event that nobody has seen yet. Each write of one reads
the other: when a wait and an event arrive together, one of them always sees the other.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.stepfunctions import executions
from gallop.adapters.table import dynamo

# Longer than any job lasts after its task has started.
SECONDS_KEPT = 86_400


@aws.guarded
def wait(job_id: str, token: str, now: float) -> bool:
    """Record the token to resume when the task ends; return True if an event arrived before, and consume the event."""
    change = "SET task_token = :token, expires_at = :until REMOVE is_completed"
    values = {":token": token, ":until": int(now) + SECONDS_KEPT}
    return "is_completed" in _update(job_id, change, values, ReturnValues="ALL_OLD")


@aws.guarded
def notify(job_id: str, task_id: str, now: float) -> bool:
    """Resume the execution that waits for a task, or mark the task as ended; return False for a repeated event.

    The event is recorded last: after a crash halfway, the same event finishes the work.
    """
    client = aws.dynamodb()
    try:
        token = _leave_notice(job_id, task_id, now)
    except client.exceptions.ConditionalCheckFailedException:
        return False
    if token is None or not executions.resume(token):
        _update(job_id, "SET notified_of = :task", {":task": task_id})
        return True
    # A newer wait has consumed the event itself.
    with suppress(client.exceptions.ConditionalCheckFailedException):
        spent = {":task": task_id, ":token": token}
        change = "SET notified_of = :task REMOVE is_completed, task_token"
        _update(job_id, change, spent, ConditionExpression="task_token = :token")
    return True


def _leave_notice(job_id: str, task_id: str, now: float) -> str | None:
    """Mark the task as ended; return the token of the execution that waits, if there is one."""
    change = "SET is_completed = :is_completed, expires_at = :until"
    values = {":is_completed": True, ":task": task_id, ":until": int(now) + SECONDS_KEPT}
    not_notified = "attribute_not_exists(notified_of) OR notified_of <> :task"
    return _update(job_id, change, values, ConditionExpression=not_notified, ReturnValues="ALL_NEW").get("task_token")


def _update(job_id: str, change: str, values: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
    response = aws.dynamodb().update_item(
        TableName=settings.job_table(),
        Key=dynamo.pack({"pk": f"COMPLETION#{job_id}", "sk": "COMPLETION"}),
        UpdateExpression=change,
        ExpressionAttributeValues=dynamo.pack(values),
        **more,
    )
    return dynamo.unpack(response.get("Attributes", {}))

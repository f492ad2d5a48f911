"""Who waits for DashScope's word that a task has ended: the execution of its job, by a token of Step Functions.

One item a job holds whom to wake, and news that nobody has heard yet. Whoever writes the one takes the other in the
same write: of a wait and an event that come together, one always sees the other.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.stepfunctions import executions
from gallop.adapters.table import dynamo as table

# Longer than any job lives after its task has begun.
SECONDS_KEPT = 86_400


@aws.guarded
def listen(job_id: str, token: str, now: float) -> bool:
    """Note whom to wake when the job's task has ended; gives whether that was told before, and takes the news."""
    change = "SET task_token = :token, expires_at = :until REMOVE news"
    values = {":token": token, ":until": int(now) + SECONDS_KEPT}
    return "news" in _update(job_id, change, values, ReturnValues="ALL_OLD")


@aws.guarded
def tell(job_id: str, task_id: str, now: float) -> bool:
    """Wake whoever waits for the end of a task, or leave the news for who comes next; False if it was told before.

    That it was told is noted last: after a breakdown half-way the same event finishes what was begun.
    """
    client = aws.dynamodb()
    try:
        token = _leave_news(job_id, task_id, now)
    except client.exceptions.ConditionalCheckFailedException:
        return False
    if token is None or not executions.go_on(token):
        _update(job_id, "SET told_of = :task", {":task": task_id})
        return True
    # A newer wait has taken the news itself.
    with suppress(client.exceptions.ConditionalCheckFailedException):
        spent = {":task": task_id, ":token": token}
        change = "SET told_of = :task REMOVE news, task_token"
        _update(job_id, change, spent, ConditionExpression="task_token = :token")
    return True


def _leave_news(job_id: str, task_id: str, now: float) -> str | None:
    """Give the token of the wait that was found there, if there is one."""
    change = "SET news = :news, expires_at = :until"
    values = {":news": True, ":task": task_id, ":until": int(now) + SECONDS_KEPT}
    untold = "attribute_not_exists(told_of) OR told_of <> :task"
    return _update(job_id, change, values, ConditionExpression=untold, ReturnValues="ALL_NEW").get("task_token")


def _update(job_id: str, change: str, values: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
    answer = aws.dynamodb().update_item(
        TableName=settings.job_table(),
        Key=table.pack({"pk": f"LISTENER#{job_id}", "sk": "LISTENER"}),
        UpdateExpression=change,
        ExpressionAttributeValues=table.pack(values),
        **more,
    )
    return table.unpack(answer.get("Attributes", {}))

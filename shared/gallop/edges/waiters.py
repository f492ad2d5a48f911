"""Who waits for the end of a job: executions of a batch, each by a token of Step Functions."""

from __future__ import annotations

from contextlib import suppress

from gallop import settings
from gallop.edges import aws, table


@aws.guarded
def wait(job_id: str, batch_id: str, token: str, until: float) -> None:
    """Note that a batch waits for a job; a newer token takes the place of an older one. ``until`` is an epoch time."""
    item = {**_key(job_id, batch_id), "token": token, "expires_at": int(until)}
    aws.dynamodb().put_item(TableName=settings.job_table(), Item=table.pack(item))


@aws.guarded
def tell(job_id: str) -> None:
    """Let all go on that wait for a job: it has ended. Who has gone on already, or waits no more, does not mind."""
    for item in table.query(f"JOB#{job_id}", "WAITER#"):
        _go_on(item["token"])
        # Only this token's: a newer one belongs to somebody who will see by himself that the job has ended.
        client = aws.dynamodb()
        with suppress(client.exceptions.ConditionalCheckFailedException):
            client.delete_item(
                TableName=settings.job_table(),
                Key=table.pack({"pk": item["pk"], "sk": item["sk"]}),
                ConditionExpression="#token = :token",
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues=table.pack({":token": item["token"]}),
            )


@aws.guarded
def go_on(token: str) -> bool:
    """Let the execution that holds a token go on; False if it has gone on, or waits no more."""
    return _go_on(token)


def _go_on(token: str) -> bool:
    client = aws.stepfunctions()
    with suppress(client.exceptions.TaskTimedOut, client.exceptions.InvalidToken, client.exceptions.TaskDoesNotExist):
        client.send_task_success(taskToken=token, output="{}")
        return True
    return False


def _key(job_id: str, batch_id: str) -> dict[str, str]:
    return {"pk": f"JOB#{job_id}", "sk": f"WAITER#{batch_id}"}

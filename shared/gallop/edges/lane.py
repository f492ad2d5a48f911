"""The lane: a lease on the one attempt of an account and model that may be in the air."""

from __future__ import annotations

from contextlib import suppress

from gallop import settings
from gallop.edges import aws, table


@aws.guarded
def enter(lane: str, attempt_id: str, now: float, until: float) -> bool:
    """Take the lease on the one attempt that may be in the air; False while another holds it."""
    client = aws.dynamodb()
    try:
        client.put_item(
            TableName=settings.job_table(),
            Item=table.pack({**_key(lane), "attempt_id": attempt_id, "until": table.time(until)}),
            ConditionExpression="attribute_not_exists(pk) OR #until < :now OR attempt_id = :attempt",
            ExpressionAttributeNames={"#until": "until"},
            ExpressionAttributeValues=table.pack({":now": table.time(now), ":attempt": attempt_id}),
        )
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True


@aws.guarded
def leave(lane: str, attempt_id: str) -> None:
    """Give the lease back, if it is still this attempt's."""
    client = aws.dynamodb()
    with suppress(client.exceptions.ConditionalCheckFailedException):
        client.delete_item(
            TableName=settings.job_table(),
            Key=table.pack(_key(lane)),
            ConditionExpression="attempt_id = :attempt",
            ExpressionAttributeValues=table.pack({":attempt": attempt_id}),
        )


def _key(lane: str) -> dict[str, str]:
    return {"pk": f"LANE#{lane}", "sk": "LANE"}

"""The submit lease: one attempt per account and model may be in progress, with a minimum interval between attempts."""

from __future__ import annotations

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import dynamo
from gallop.domain.scheduling import submit_backoff


@aws.guarded
def acquire(lane: str, attempt_id: str, now: float, until: float) -> float | None:
    """Acquire the lease on the one attempt that may be in progress; return the current seconds between attempts.

    None while another attempt holds it, or if the last attempt was too recent.
    """
    client = aws.dynamodb()
    try:
        response = client.update_item(
            TableName=settings.job_table(),
            Key=dynamo.pack(_key(lane)),
            UpdateExpression="SET attempt_id = :attempt, #until = :until",
            ConditionExpression=(
                "attribute_not_exists(pk) OR attempt_id = :attempt "
                "OR (#until < :now AND (attribute_not_exists(next_at) OR next_at <= :now))"
            ),
            ExpressionAttributeNames={"#until": "until"},
            ExpressionAttributeValues=dynamo.pack(
                {":now": dynamo.time(now), ":until": dynamo.time(until), ":attempt": attempt_id}
            ),
            ReturnValues="ALL_NEW",
        )
    except client.exceptions.ConditionalCheckFailedException:
        return None
    return float(dynamo.unpack(response["Attributes"]).get("interval", submit_backoff.SHORTEST_SECONDS))


@aws.guarded
def release(lane: str, attempt_id: str, next_at: float, interval: float) -> None:
    """Release the lease, if this attempt still holds it; the next attempt may start at ``next_at``."""
    times = {":over": 0, ":next": dynamo.time(next_at), ":interval": dynamo.time(interval)}
    dynamo.write(
        dynamo.update(
            _key(lane),
            "SET #until = :over, next_at = :next, #interval = :interval",
            "attempt_id = :attempt",
            {**times, ":attempt": attempt_id},
            {"#until": "until", "#interval": "interval"},
        ),
    )


def _key(lane: str) -> dict[str, str]:
    return {"pk": f"LANE#{lane}", "sk": "LANE"}

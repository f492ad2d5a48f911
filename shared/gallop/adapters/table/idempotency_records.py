"""Which creates have been made, by key or by content, and whether anybody got an answer to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.adapters import aws
from gallop.adapters.table import dynamo
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from gallop.domain.job import Job
    from gallop.domain.request.idempotency import IdempotencyRecord


# Within this time a create is usually answered, even on a busy stack.
ANSWER_SECONDS = 3


@frozen
class Creation:
    """The result of a create: the job's ID, whether it is new, and the fingerprint of the create that it repeats.

    ``unanswered_since`` is when that create was recorded, in epoch seconds, if it was not answered since.
    ``jobs`` are the recorded jobs, if they are new. With several, the ID is that of the first, and ``group`` that of
    their group.
    """

    job_id: str
    is_new: bool
    fingerprint: str = ""
    unanswered_since: float | None = None
    jobs: tuple[Job, ...] = ()
    group: str = ""

    def is_in_progress(self, now: float) -> bool:
        """Return whether the create that this one repeats may be answered soon."""
        return self.unanswered_since is not None and now < self.unanswered_since + ANSWER_SECONDS


def putting(job: Job, idempotency: IdempotencyRecord) -> TransactWriteItemTypeDef:
    """Build the write that records the create of a new job, unless it repeats one. It decides; see ``found``."""
    expires_at = job.created_at + idempotency.seconds
    item = {
        **_key(idempotency),
        "job_id": job.id,
        "fingerprint": idempotency.fingerprint,
        "by_retry": idempotency.is_retry,
        "is_answered": False,
        "recorded_at": dynamo.time(job.created_at),
        "valid_until": dynamo.time(expires_at),
        "expires_at": int(expires_at),
        **({"group": job.group.id} if job.group else {}),
    }
    condition = "attribute_not_exists(pk) OR valid_until <= :now"
    values: dict[str, Any] = {":now": dynamo.time(job.created_at)}
    if idempotency.is_unmarked:
        # Earlier versions did not record whether they had answered.
        is_answered = "(attribute_not_exists(is_answered) OR is_answered = :true)"
        condition = f"{condition} OR (by_retry = :false AND {is_answered})"
        values |= {":false": False, ":true": True}
    if idempotency.may_replace:
        condition, values = f"{condition} OR job_id = :replaced", {**values, ":replaced": idempotency.may_replace}
    return dynamo.put(item, condition, values)


@aws.guarded
def known(idempotency: IdempotencyRecord, now: float) -> Creation | None:
    """Return the earlier create that a create at this time repeats, if it has been recorded already."""
    item = dynamo.get(_key(idempotency))
    if item is None or item["valid_until"] <= dynamo.time(now) or item["job_id"] == idempotency.may_replace:
        return None
    if idempotency.is_unmarked and not item["by_retry"] and item.get("is_answered", True):
        return None
    return _creation(item, idempotency)


@aws.guarded
def found(idempotency: IdempotencyRecord) -> Creation:
    """Return the earlier create that has kept a new one from being recorded."""
    return _creation(dynamo.get(_key(idempotency)) or {}, idempotency)


@aws.guarded
def prolong(idempotency: IdempotencyRecord, job_id: str, now: float) -> None:
    """Let a create that was repeated, and may not be answered this time either, be repeated for as long again."""
    times = {":until": dynamo.time(now + idempotency.seconds), ":expires": int(now + idempotency.seconds)}
    condition, values = "job_id = :job AND is_answered = :false", {":job": job_id, ":false": False}
    change = "SET valid_until = :until, expires_at = :expires"
    dynamo.write(dynamo.update(_key(idempotency), change, condition, {**times, **values}))


@aws.guarded
def mark_answered(idempotency: IdempotencyRecord, job_id: str) -> None:
    """Record that a create is being answered: an equal one that nothing marks as a retry is then a new request."""
    values = {":job": job_id, ":true": True}
    dynamo.write(dynamo.update(_key(idempotency), "SET is_answered = :true", "job_id = :job", values))


@aws.guarded
def forget(name: str, job_id: str) -> None:
    """Delete the record of a create whose job is deleted; the name is that of the job's content."""
    key = {"pk": f"IDEMPOTENCY#{name}", "sk": "IDEMPOTENCY"}
    dynamo.write(dynamo.delete(key, "job_id = :job", {":job": job_id}))


def _creation(item: dict[str, Any], idempotency: IdempotencyRecord) -> Creation:
    may_be_answered = idempotency.is_unmarked and not item.get("by_retry") and not item.get("is_answered", True)
    return Creation(
        job_id=str(item.get("job_id", "")),
        is_new=False,
        fingerprint=str(item.get("fingerprint", "")),
        unanswered_since=float(item["recorded_at"]) if may_be_answered else None,
        group=str(item.get("group", "")),
    )


def _key(idempotency: IdempotencyRecord) -> dict[str, str]:
    return {"pk": f"IDEMPOTENCY#{idempotency.name}", "sk": "IDEMPOTENCY"}

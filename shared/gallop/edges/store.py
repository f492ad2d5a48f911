"""The table: jobs and clients' keys. Jobs move forward only, by conditional writes."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from gallop import clock, settings
from gallop.domain.job import Job, states_before
from gallop.edges import aws, records
from gallop.errors import AwsTrouble, JobNotFound, WrongState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef, UpdateTypeDef

    from gallop.domain.once import Once

OPEN_JOBS = "OpenJobs"
SWEEP_AT_MOST = 500
CONFLICTS_AT_MOST = 8
# Longer than DashScope's list shows a task.
TASK_SECONDS = 3 * 86_400

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


@dataclass(frozen=True, slots=True)
class Creation:
    """What became of a create: the job's id, whether it is new, and the fingerprint of the one it repeats."""

    job_id: str
    is_new: bool
    fingerprint: str = ""


@aws.guarded
def create(job: Job, once: Once | None = None) -> Creation:
    """Record a new job, unless it is there already, or ``once`` says that it is another's repetition.

    One conditional write decides, never a read before it.
    """
    writes = [_put_if_new(_new_job_item(job))]
    if once:
        writes.append(_put_once(job, once))
    refused = _transact(writes)
    if not any(refused):
        return Creation(job.id, is_new=True)
    if once and refused[-1]:
        item = _get(_once_key(once)) or {}
        return Creation(str(item.get("job_id", "")), is_new=False, fingerprint=str(item.get("fingerprint", "")))
    return Creation(job.id, is_new=False)


@aws.guarded
def job(job_id: str) -> Job:
    """Read a job, strongly consistent.

    Raises:
        JobNotFound: there is none of this id.

    """
    item = _get(_job_key(job_id))
    if item is None:
        raise JobNotFound(f"There is no job {job_id}.")
    return records.job_from(item)


@aws.guarded
def advance(before: Job, after: Job) -> Job:
    """Move a job's record forward from what was read to what it is to be.

    The write holds only if the job is still in a state that may move there, and its attempt is still the one that
    was read.

    Raises:
        WrongState: the record has moved on since.

    """
    client = aws.dynamodb()
    try:
        client.update_item(**_update(before, after))
    except client.exceptions.ConditionalCheckFailedException:
        raise _moved_on(before, after) from None
    return after


@aws.guarded
def claim(before: Job, after: Job, *, is_certain: bool) -> Job:
    """Move a job forward and record that its task is its own, in one write.

    ``is_certain`` is the word of the one who holds DashScope's reply, and overrides a claim by inference.

    Raises:
        WrongState: the record has moved on, or the task is another job's.

    """
    item = {**_task_key(after.task_id), "job_id": after.id, "expires_at": int(after.updated_at) + TASK_SECONDS}
    put: TransactWriteItemTypeDef = {"Put": {"TableName": settings.job_table(), "Item": _pack(item)}}
    if not is_certain:
        put["Put"]["ConditionExpression"] = "attribute_not_exists(pk) OR job_id = :job"
        put["Put"]["ExpressionAttributeValues"] = _pack({":job": after.id})
    if any(_transact([{"Update": _update(before, after)}, put])):
        raise _moved_on(before, after)
    return after


@aws.guarded
def release(job: Job) -> None:
    """Give a task back that was not this job's after all."""
    client = aws.dynamodb()
    with suppress(client.exceptions.ConditionalCheckFailedException):
        client.delete_item(
            TableName=settings.job_table(),
            Key=_pack(_task_key(job.task_id)),
            ConditionExpression="job_id = :job",
            ExpressionAttributeValues=_pack({":job": job.id}),
        )


@aws.guarded
def owner_of(task_id: str) -> str | None:
    """Name the job that a task belongs to, if it is one of ours."""
    item = _get(_task_key(task_id))
    return None if item is None else str(item["job_id"])


@aws.guarded
def enter_lane(lane: str, attempt_id: str, now: float, until: float) -> bool:
    """Take the lease on the one attempt that may be in the air; False while another holds it."""
    client = aws.dynamodb()
    try:
        client.put_item(
            TableName=settings.job_table(),
            Item=_pack({**_lane_key(lane), "attempt_id": attempt_id, "until": _time(until)}),
            ConditionExpression="attribute_not_exists(pk) OR #until < :now OR attempt_id = :attempt",
            ExpressionAttributeNames={"#until": "until"},
            ExpressionAttributeValues=_pack({":now": _time(now), ":attempt": attempt_id}),
        )
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True


@aws.guarded
def leave_lane(lane: str, attempt_id: str) -> None:
    """Give the lease back, if it is still this attempt's."""
    client = aws.dynamodb()
    with suppress(client.exceptions.ConditionalCheckFailedException):
        client.delete_item(
            TableName=settings.job_table(),
            Key=_pack(_lane_key(lane)),
            ConditionExpression="attempt_id = :attempt",
            ExpressionAttributeValues=_pack({":attempt": attempt_id}),
        )


@aws.guarded
def close(job: Job) -> None:
    """Take a job off the list of those that the sweep looks after: it has ended, and its receipts are written."""
    aws.dynamodb().update_item(
        TableName=settings.job_table(), Key=_pack(_job_key(job.id)), UpdateExpression="REMOVE is_open"
    )


@aws.guarded
def open_jobs(not_moved_since: float) -> list[str]:
    """Name the jobs that are not closed and did not move since then, the stillest first."""
    pages = (
        aws.dynamodb()
        .get_paginator("query")
        .paginate(
            TableName=settings.job_table(),
            IndexName=OPEN_JOBS,
            KeyConditionExpression="is_open = :open AND updated_at < :since",
            ExpressionAttributeValues=_pack({":open": "yes", ":since": _time(not_moved_since)}),
            PaginationConfig={"MaxItems": SWEEP_AT_MOST},
        )
    )
    return [str(_deserialize(item["id"])) for page in pages for item in page["Items"]]


@aws.guarded
def put_key(key_hash: str, client_name: str, created_at: float) -> None:
    """Record the hash of a client's new key."""
    item = {
        "pk": f"KEY#{key_hash}",
        "sk": "KEY",
        "hash": key_hash,
        "client": client_name,
        "created_at": int(created_at),
    }
    aws.dynamodb().put_item(
        TableName=settings.job_table(), Item=_pack(item), ConditionExpression="attribute_not_exists(pk)"
    )


@aws.guarded
def key(key_hash: str) -> Mapping[str, Any] | None:
    """Read what is recorded of a key: ``hash`` and ``client``; None for an unknown one."""
    return _get({"pk": f"KEY#{key_hash}", "sk": "KEY"})


def _new_job_item(job: Job) -> dict[str, Any]:
    expires_at = int(job.created_at) + settings.record_seconds()
    return {**_job_key(job.id), **records.job_record(job), "expires_at": expires_at, "is_open": "yes"}


def _put_if_new(item: Mapping[str, Any]) -> TransactWriteItemTypeDef:
    return {
        "Put": {
            "TableName": settings.job_table(),
            "Item": _pack(item),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
    }


def _put_once(job: Job, once: Once) -> TransactWriteItemTypeDef:
    item = {
        **_once_key(once),
        "job_id": job.id,
        "fingerprint": once.fingerprint,
        "by_retry": once.is_retry,
        "valid_until": _time(job.created_at + once.seconds),
        "expires_at": int(job.created_at + once.seconds),
    }
    condition = "attribute_not_exists(pk) OR valid_until <= :now"
    values: dict[str, Any] = {":now": _time(job.created_at)}
    if once.only_meets_retries:
        condition, values = f"{condition} OR by_retry = :false", {**values, ":false": False}
    return {
        "Put": {
            "TableName": settings.job_table(),
            "Item": _pack(item),
            "ConditionExpression": condition,
            "ExpressionAttributeValues": _pack(values),
        }
    }


def _update(before: Job, after: Job) -> UpdateTypeDef:
    old, new = records.job_record(before), records.job_record(after)
    changed = {name: value for name, value in new.items() if old[name] != value or name == "state"}
    allowed = {before.state} if before.state is after.state else states_before(after.state)
    values = {f":v{number}": value for number, value in enumerate(changed.values())}
    states = {f":s{number}": state.value for number, state in enumerate(sorted(allowed))}
    names = {f"#n{number}": name for number, name in enumerate(changed)}
    return {
        "TableName": settings.job_table(),
        "Key": _pack(_job_key(before.id)),
        "UpdateExpression": "SET " + ", ".join(f"#n{number} = :v{number}" for number in range(len(changed))),
        "ConditionExpression": f"#state IN ({', '.join(states)}) AND #attempt = :attempt",
        "ExpressionAttributeNames": {**names, "#state": "state", "#attempt": "attempt"},
        "ExpressionAttributeValues": _pack({**values, **states, ":attempt": old["attempt"]}),
    }


def _transact(writes: Sequence[TransactWriteItemTypeDef]) -> list[bool]:
    """Write all or nothing; tells for each write whether its condition refused it."""
    client = aws.dynamodb()
    for attempt in range(CONFLICTS_AT_MOST):
        try:
            client.transact_write_items(TransactItems=writes)
        except client.exceptions.TransactionCanceledException as error:
            codes = [reason.get("Code") for reason in error.response["CancellationReasons"]]
            if "ConditionalCheckFailed" in codes:
                return [code == "ConditionalCheckFailed" for code in codes]
            # Another transaction on the same items: whoever comes second learns from the condition.
            clock.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311 - jitter, not a secret
        else:
            return [False for _ in writes]
    raise AwsTrouble("Writes to the same records kept getting into each other's way.")


def _moved_on(before: Job, after: Job) -> WrongState:
    return WrongState(f"Job {before.id} has moved on and cannot become {after.state}.")


def _get(key: Mapping[str, Any]) -> dict[str, Any] | None:
    answer = aws.dynamodb().get_item(TableName=settings.job_table(), Key=_pack(key), ConsistentRead=True)
    item = answer.get("Item")
    return {name: _deserialize(value) for name, value in item.items()} if item else None


def _job_key(job_id: str) -> dict[str, str]:
    return {"pk": f"JOB#{job_id}", "sk": "JOB"}


def _once_key(once: Once) -> dict[str, str]:
    return {"pk": f"ONCE#{once.name}", "sk": "ONCE"}


def _task_key(task_id: str) -> dict[str, str]:
    return {"pk": f"TASK#{task_id}", "sk": "TASK"}


def _lane_key(lane: str) -> dict[str, str]:
    return {"pk": f"LANE#{lane}", "sk": "LANE"}


def _time(seconds: float) -> Decimal:
    return Decimal(f"{seconds:.3f}")


def _pack(item: Mapping[str, Any]) -> dict[str, AttributeValueTypeDef]:
    return {name: _serialize(value) for name, value in item.items()}

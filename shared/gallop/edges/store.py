"""The table: jobs and clients' keys. Jobs move forward only, by conditional writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from gallop import settings
from gallop.domain.job import Job, states_before
from gallop.edges import aws, records
from gallop.errors import JobNotFound, WrongState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


@aws.guarded
def put_new_job(job: Job) -> bool:
    """Record a new job; False when there already is a job of this id. One conditional write decides."""
    client = aws.dynamodb()
    item = {**_job_key(job.id), **records.job_record(job)}
    item["expires_at"] = int(job.created_at) + settings.record_seconds()
    try:
        client.put_item(
            TableName=settings.job_table(), Item=_pack(item), ConditionExpression="attribute_not_exists(pk)"
        )
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True


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
    old, new = records.job_record(before), records.job_record(after)
    changed = {name: value for name, value in new.items() if old[name] != value or name == "state"}
    allowed = {before.state, *states_before(after.state)} if before.state is after.state else states_before(after.state)
    values = {f":v{number}": value for number, value in enumerate(changed.values())}
    states = {f":s{number}": state.value for number, state in enumerate(sorted(allowed))}
    condition = f"#state IN ({', '.join(states)}) AND #attempt = :attempt"
    try:
        client.update_item(
            TableName=settings.job_table(),
            Key=_pack(_job_key(before.id)),
            UpdateExpression="SET " + ", ".join(f"#n{number} = :v{number}" for number in range(len(changed))),
            ConditionExpression=condition,
            ExpressionAttributeNames={
                **{f"#n{number}": name for number, name in enumerate(changed)},
                "#state": "state",
                "#attempt": "attempt",
            },
            ExpressionAttributeValues=_pack({**values, **states, ":attempt": old["attempt"]}),
        )
    except client.exceptions.ConditionalCheckFailedException:
        raise WrongState(f"Job {before.id} has moved on and cannot become {after.state}.") from None
    return after


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


def _get(key: Mapping[str, Any]) -> dict[str, Any] | None:
    answer = aws.dynamodb().get_item(TableName=settings.job_table(), Key=_pack(key), ConsistentRead=True)
    item = answer.get("Item")
    return {name: _deserialize(value) for name, value in item.items()} if item else None


def _job_key(job_id: str) -> dict[str, str]:
    return {"pk": f"JOB#{job_id}", "sk": "JOB"}


def _pack(item: Mapping[str, Any]) -> dict[str, AttributeValueTypeDef]:
    return {name: _serialize(value) for name, value in item.items()}

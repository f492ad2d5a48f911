"""Jobs in the table, and whose a task is. Jobs move forward only, by conditional writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import dynamo, image_references, job_index, job_items
from gallop.domain.errors import JobNotFound, NoRoom, WrongState
from gallop.domain.job import Job, JobState, is_terminal, states_before

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

    from gallop.domain.budget import Reservation
    from gallop.domain.request.idempotency import IdempotencyRecord

OPEN_JOBS = "OpenJobs"
# Jobs that the sweep looks after; those that wait in line, and those that wait for money, which need nobody.
OPEN, WAITING, PARKED = "yes", "waiting", "parked"
MAX_SWEEP = 500
# Longer than DashScope's list shows a task.
TASK_SECONDS = 3 * 86_400


@dataclass(frozen=True, slots=True)
class Creation:
    """What became of a create: the job's id, whether it is new, and the fingerprint of the one it repeats."""

    job_id: str
    is_new: bool
    fingerprint: str = ""


@aws.guarded
def create(
    job: Job,
    idempotency: IdempotencyRecord | None = None,
    together: Sequence[TransactWriteItemTypeDef] = (),
    reserving: Sequence[TransactWriteItemTypeDef] = (),
) -> Creation:
    """Record a new job, unless it is there already, or ``once`` says that it is another's repetition.

    One conditional write decides, never a read before it. What is to be written ``together`` with a new job, and what
    it is to reserve, is written only then.

    Raises:
        WrongState: the job is new, and what was to be written together with it met something else.
        NoRoom: the job is new, and there is no room for what it was to reserve.

    """
    item = _new_job_item(job)
    writes = [
        dynamo.put_if_new(item),
        *together,
        *reserving,
        *job_index.puts(job, item["expires_at"]),
        *image_references.puts(job, item["expires_at"]),
    ]
    if idempotency:
        writes.append(_put_idempotency_record(job, idempotency))
    held = dynamo.transact(writes)
    if all(held):
        return Creation(job.id, is_new=True)
    if idempotency and not held[-1]:
        item = dynamo.get(_idempotency_key(idempotency)) or {}
        return Creation(str(item.get("job_id", "")), is_new=False, fingerprint=str(item.get("fingerprint", "")))
    if not held[0]:
        return Creation(job.id, is_new=False)
    if not all(held[1 : 1 + len(together)]):
        raise WrongState(f"What job {job.id} was to be recorded with has moved on.")
    raise NoRoom(f"There is no room for job {job.id}.")


def job_key(job_id: str) -> dict[str, str]:
    """Give the key of a job's record."""
    return {"pk": f"JOB#{job_id}", "sk": "JOB"}


@aws.guarded
def get(job_id: str) -> Job:
    """Read a job, strongly consistent.

    Raises:
        JobNotFound: there is none of this id.

    """
    item = dynamo.get(job_key(job_id))
    if item is None:
        raise JobNotFound(f"There is no job {job_id}.")
    return job_items.job_from(item)


@aws.guarded
def get_all(job_ids: Sequence[str]) -> list[Job]:
    """Read up to 100 jobs, strongly consistent, in this order; those that are not there any more are left out."""
    found = {str(item["id"]): item for item in dynamo.get_all([job_key(job_id) for job_id in job_ids])}
    return [job_items.job_from(found[job_id]) for job_id in job_ids if job_id in found]


@aws.guarded
def advance(before: Job, after: Job) -> Job:
    """Move a job's record forward from what was read to what it is to be.

    The write holds only if the job is still in a state that may move there, and its attempt is still the one that
    was read.

    Raises:
        WrongState: the record has moved on since.

    """
    if not dynamo.write({"Update": _update(before, after)}) and not _is_written(before, after):
        raise _moved_on(before, after)
    return after


@aws.guarded
def claim(before: Job, after: Job, *, is_certain: bool) -> Job:
    """Move a job forward and record that its task is its own, in one write.

    ``is_certain`` is the word of the one who holds DashScope's reply, and overrides a claim by inference.

    Raises:
        WrongState: the record has moved on, or the task is another job's.

    """
    item = {**_task_key(after.task_id), "job_id": after.id, "expires_at": int(after.updated_at) + TASK_SECONDS}
    is_free = "attribute_not_exists(pk) OR job_id = :job"
    put = dynamo.put(item) if is_certain else dynamo.put(item, is_free, {":job": after.id})
    if not all(dynamo.transact([{"Update": _update(before, after)}, put])):
        raise _moved_on(before, after)
    return after


@aws.guarded
def release(job: Job) -> None:
    """Give a task back that was not this job's after all."""
    dynamo.write(dynamo.delete(_task_key(job.task_id), "job_id = :job", {":job": job.id}))


@aws.guarded
def owner_of(task_id: str) -> str | None:
    """Name the job that a task belongs to, if it is one of ours."""
    item = dynamo.get(_task_key(task_id))
    return None if item is None else str(item["job_id"])


@aws.guarded
def note(before: Job, name: str, value: object) -> bool:
    """Write down something about a job that is no move of it, if what was noted before is still what was read."""
    values = {":new": value, ":old": job_items.job_record(before)[name]}
    return dynamo.write(dynamo.update(job_key(before.id), "SET #name = :new", "#name = :old", values, {"#name": name}))


@aws.guarded
def unpark(before: Job, after: Job, reserving: Sequence[TransactWriteItemTypeDef]) -> Job:
    """Let a parked job go on, and reserve what it is estimated at, in one write.

    Raises:
        WrongState: it is not parked any more.
        NoRoom: there is no room for what it was to reserve.

    """
    update = _update(before, after)
    update["ConditionExpression"] += " AND #parked = :parked"
    update["ExpressionAttributeNames"] = {**update["ExpressionAttributeNames"], "#parked": "parked"}
    was_parked = dynamo.pack({":parked": job_items.job_record(before)["parked"]})
    update["ExpressionAttributeValues"] = {**update["ExpressionAttributeValues"], **was_parked}
    held = dynamo.transact([{"Update": update}, *reserving])
    if not held[0]:
        raise _moved_on(before, after)
    if not all(held):
        raise NoRoom(f"There is no room for job {before.id}.")
    return after


@aws.guarded
def settle(before: Job, reserved: Reservation, together: Sequence[TransactWriteItemTypeDef]) -> bool:
    """Note what a job's reservation came to, together with what that changes; tells whether nobody has before."""
    reservations = {":new": job_items.reservation_record(reserved), ":old": job_items.job_record(before)["reserved"]}
    settled = dynamo.update(job_key(before.id), "SET reserved = :new", "reserved = :old", reservations)
    return all(dynamo.transact([settled, *together]))


@aws.guarded
def close(job: Job) -> None:
    """Take a job off the list of those that the sweep looks after: it has ended, and its receipts are written."""
    # A record that was erased meanwhile stays so: an update would make one of nothing.
    dynamo.write(dynamo.update(job_key(job.id), "REMOVE is_open", "attribute_exists(pk)"))


@aws.guarded
def is_closed(job: Job) -> bool:
    """Tell whether a job has ended, and its last receipts are written."""
    return is_terminal(job.state) and "is_open" not in (dynamo.get(job_key(job.id)) or {})


@aws.guarded
def erase(job: Job) -> None:
    """Forget a job that is closed, and its place in the order of jobs, in one write."""
    record = dynamo.delete(job_key(job.id), "attribute_not_exists(is_open)")
    if not all(dynamo.transact([record, *job_index.deletes(job)])):
        raise WrongState(f"Job {job.id} is not closed.")


@aws.guarded
def open_jobs(not_moved_since: float, kind: str = OPEN) -> list[str]:
    """Name the jobs of a kind (``OPEN``, ``WAITING``, ``PARKED``) that did not move since then, the stillest first."""
    pages = (
        aws.dynamodb()
        .get_paginator("query")
        .paginate(
            TableName=settings.job_table(),
            IndexName=OPEN_JOBS,
            KeyConditionExpression="is_open = :open AND updated_at < :since",
            ExpressionAttributeValues=dynamo.pack({":open": kind, ":since": dynamo.time(not_moved_since)}),
            PaginationConfig={"MaxItems": MAX_SWEEP},
        )
    )
    return [str(dynamo.unpack(item)["id"]) for page in pages for item in page["Items"]]


def _new_job_item(job: Job) -> dict[str, Any]:
    expires_at = int(job.created_at) + settings.record_seconds()
    kind = PARKED if job.parked else OPEN
    return {**job_key(job.id), **job_items.job_record(job), "expires_at": expires_at, "is_open": kind}


def _put_idempotency_record(job: Job, idempotency: IdempotencyRecord) -> TransactWriteItemTypeDef:
    item = {
        **_idempotency_key(idempotency),
        "job_id": job.id,
        "fingerprint": idempotency.fingerprint,
        "by_retry": idempotency.is_retry,
        "valid_until": dynamo.time(job.created_at + idempotency.seconds),
        "expires_at": int(job.created_at + idempotency.seconds),
    }
    condition = "attribute_not_exists(pk) OR valid_until <= :now"
    values: dict[str, Any] = {":now": dynamo.time(job.created_at)}
    if idempotency.only_meets_retries:
        condition, values = f"{condition} OR by_retry = :false", {**values, ":false": False}
    if idempotency.may_replace:
        condition, values = f"{condition} OR job_id = :replaced", {**values, ":replaced": idempotency.may_replace}
    return dynamo.put(item, condition, values)


def _is_written(before: Job, after: Job) -> bool:
    """Tell whether a write that was refused has been made: its answer was lost, and boto sent it again."""
    there, changed = dynamo.get(job_key(before.id)) or {}, _changed(job_items.job_record(before), after)
    return all(name in there and there[name] == value for name, value in changed.items())


def _changed(before: dict[str, Any], after: Job) -> dict[str, Any]:
    new = job_items.job_record(after)
    return {name: value for name, value in new.items() if before[name] != value or name == "state"}


def _update(before: Job, after: Job) -> UpdateTypeDef:
    old = job_items.job_record(before)
    changed = _changed(old, after)
    if before.state is JobState.QUEUED:
        # Whatever it becomes, it waits for nothing any more.
        changed["is_open"] = OPEN
    allowed = {before.state} if before.state is after.state else states_before(after.state)
    values = {f":v{number}": value for number, value in enumerate(changed.values())}
    states = {f":s{number}": state.value for number, state in enumerate(sorted(allowed))}
    names = {f"#n{number}": name for number, name in enumerate(changed)}
    return {
        "TableName": settings.job_table(),
        "Key": dynamo.pack(job_key(before.id)),
        "UpdateExpression": "SET " + ", ".join(f"#n{number} = :v{number}" for number in range(len(changed))),
        "ConditionExpression": f"#state IN ({', '.join(states)}) AND #attempt = :attempt",
        "ExpressionAttributeNames": {**names, "#state": "state", "#attempt": "attempt"},
        "ExpressionAttributeValues": dynamo.pack({**values, **states, ":attempt": old["attempt"]}),
    }


def _moved_on(before: Job, after: Job) -> WrongState:
    return WrongState(f"Job {before.id} has moved on and cannot become {after.state}.")


def _idempotency_key(idempotency: IdempotencyRecord) -> dict[str, str]:
    return {"pk": f"IDEMPOTENCY#{idempotency.name}", "sk": "IDEMPOTENCY"}


def _task_key(task_id: str) -> dict[str, str]:
    return {"pk": f"TASK#{task_id}", "sk": "TASK"}

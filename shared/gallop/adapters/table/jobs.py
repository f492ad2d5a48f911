"""Jobs in the table, and which job owns a task. Jobs move forward only, by conditional writes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gallop import log, settings
from gallop.adapters import aws
from gallop.adapters.table import dynamo, idempotency_records, image_references, job_index, job_items
from gallop.adapters.table.idempotency_records import Creation
from gallop.domain.errors import JobNotFound, NoRoom, WrongState
from gallop.domain.job import Job, JobState, is_terminal, states_before
from gallop.domain.request.request import VideoRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

    from gallop.domain.request.idempotency import IdempotencyRecord

OPEN_JOBS = "OpenJobs"
# Jobs that the sweep watches; those that wait in the queue; and those that wait for budget, which need no watching.
OPEN, WAITING, PARKED = "yes", "waiting", "parked"
MAX_SWEEP = 500
# Longer than DashScope's list shows a task.
TASK_SECONDS = 3 * 86_400
# What every view of a job needs: a job without it cannot be shown.
_IN_VIEWS: dict[str, Any] = {
    **dict.fromkeys(("id", "client", "vendor_request_id"), str),
    "state": JobState,
    "request": VideoRequest,
    "created_at": float,
    "estimated_cost": Decimal,
    "cost": Decimal | None,
    "notes": tuple,
}


@aws.guarded
def create(
    job: Job,
    idempotency: IdempotencyRecord | None = None,
    together: Sequence[TransactWriteItemTypeDef] = (),
    reserving: Sequence[TransactWriteItemTypeDef] = (),
    siblings: Sequence[Job] = (),
) -> Creation:
    """Record a new job, unless it exists already, or ``idempotency`` shows that it repeats another.

    One conditional write decides, never a read before it. The writes of ``together`` and ``reserving`` are made only
    with a new job. ``siblings`` are the other jobs of its group: all are recorded, or none.

    Raises:
        WrongState: The job is new, but a condition of ``together`` failed.
        NoRoom: The job is new, but there is no room for its reservation.

    """
    item = _new_job_item(job)
    items = [item, *(_new_job_item(sibling) for sibling in siblings)]
    writes = [dynamo.put_if_new(item), *together, *reserving]
    first_sibling = len(writes)
    writes += [dynamo.put_if_new(other) for other in items[1:]]
    for one in (job, *siblings):
        writes += [*job_index.puts(one, item["expires_at"]), *image_references.puts(one, item["expires_at"])]
    if idempotency:
        writes.append(idempotency_records.putting(job, idempotency))
    held = dynamo.transact(writes)
    if all(held):
        # As it will be read: times, for example, are stored to the millisecond.
        recorded = tuple(job_items.job_from(one) for one in items)
        return Creation(job.id, is_new=True, jobs=recorded, group=job.group.id if job.group else "")
    if idempotency and not held[-1]:
        return idempotency_records.found(idempotency)
    if not held[0] or not all(held[first_sibling : first_sibling + len(siblings)]):
        # Of a group, others may be left of which the first was deleted.
        return Creation(job.id, is_new=False, group=job.group.id if job.group else "")
    if not all(held[1 : 1 + len(together)]):
        raise WrongState(f"Job {job.id} was not recorded: the records written with it have changed.")
    raise NoRoom(f"There is no room under a cap for job {job.id}.")


def job_key(job_id: str) -> dict[str, str]:
    """Return the key of a job's record."""
    return {"pk": f"JOB#{job_id}", "sk": "JOB"}


@aws.guarded
def get(job_id: str) -> Job:
    """Read a job, strongly consistent.

    Raises:
        JobNotFound: There is no job with this ID.

    """
    item = dynamo.get(job_key(job_id))
    if item is None:
        raise JobNotFound(f"Job {job_id} not found.")
    return job_items.job_from(item)


@aws.guarded
def get_all(job_ids: Sequence[str]) -> list[Job]:
    """Read jobs, strongly consistent, in this order.

    Those that no longer exist are left out, and so are those that cannot be read: one of them must not hide the others.
    """
    found = {str(item.get("id")): item for item in dynamo.get_all([job_key(job_id) for job_id in job_ids])}
    jobs = (_readable(found[job_id]) for job_id in job_ids if job_id in found)
    return [job for job in jobs if job]


@aws.guarded
def advance(before: Job, after: Job) -> Job:
    """Move a job's record forward from the state that was read to a new one.

    The write succeeds only if the job's state still allows the move, and its attempt and its account are still those
    that were read: what was sent is looked for in that account only.

    Raises:
        WrongState: The record has changed since.

    """
    if not dynamo.write({"Update": _update(before, after)}) and not _is_written(before, after):
        raise _moved_on(before, after)
    return after


@aws.guarded
def claim(before: Job, after: Job, *, is_certain: bool) -> Job:
    """Move a job forward and record that it owns its task, in one write.

    ``is_certain`` says that the caller has DashScope's reply, which overrides a claim by inference.

    Raises:
        WrongState: The record has changed, or another job owns the task.

    """
    item = {**_task_key(after.task_id), "job_id": after.id, "expires_at": int(after.updated_at) + TASK_SECONDS}
    is_free = "attribute_not_exists(pk) OR job_id = :job"
    put = dynamo.put(item) if is_certain else dynamo.put(item, is_free, {":job": after.id})
    if not all(dynamo.transact([{"Update": _update(before, after)}, put])):
        raise _moved_on(before, after)
    return after


@aws.guarded
def release(job: Job) -> None:
    """Remove the claim of a job on a task that turned out not to be its own."""
    dynamo.write(dynamo.delete(_task_key(job.task_id), "job_id = :job", {":job": job.id}))


@aws.guarded
def owner_of(task_id: str) -> str | None:
    """Return the job that owns a task; None if no job of ours does."""
    item = dynamo.get(_task_key(task_id))
    return None if item is None else str(item["job_id"])


@aws.guarded
def note(before: Job, name: str, value: object) -> bool:
    """Record a fact about a job that does not move it, if the previous value is still the one that was read."""
    values = {":new": value, ":old": job_items.job_record(before)[name]}
    condition = f"attribute_exists(pk) AND {unchanged('#name', ':old', values[':old'])}"
    return dynamo.write(dynamo.update(job_key(before.id), "SET #name = :new", condition, values, {"#name": name}))


@aws.guarded
def unpark(before: Sequence[Job], after: Sequence[Job], reserving: Sequence[TransactWriteItemTypeDef]) -> None:
    """Release a parked job, or several of a group, and reserve their estimated cost, in one write.

    Raises:
        WrongState: One is no longer parked.
        NoRoom: There is no room for their reservation.

    """
    held = dynamo.transact([*(_unparking(*change) for change in zip(before, after, strict=True)), *reserving])
    if not all(held[: len(before)]):
        raise _moved_on(before[0], after[0])
    if not all(held):
        raise NoRoom(f"There is no room under a cap for job {before[0].id}.")


def _unparking(before: Job, after: Job) -> TransactWriteItemTypeDef:
    update = _update(before, after)
    update["ConditionExpression"] += " AND #parked = :parked"
    update["ExpressionAttributeNames"] = {**update["ExpressionAttributeNames"], "#parked": "parked"}
    was_parked = dynamo.pack({":parked": job_items.job_record(before)["parked"]})
    update["ExpressionAttributeValues"] = {**update["ExpressionAttributeValues"], **was_parked}
    return {"Update": update}


@aws.guarded
def settle(before: Job, after: Job, together: Sequence[TransactWriteItemTypeDef]) -> bool:
    """Record the final amounts of a job's reservations, with the writes they cause; return False if they changed."""
    old, new = job_items.job_record(before), job_items.job_record(after)
    names = [name for name in ("reserved", "account_reserved") if old[name] != new[name]]
    settled = dynamo.update(
        job_key(before.id),
        "SET " + ", ".join(f"{name} = :new_{name}" for name in names),
        " AND ".join(f"{name} = :old_{name}" for name in names),
        {f":{when}_{name}": record[name] for name in names for when, record in (("old", old), ("new", new))},
    )
    return all(dynamo.transact([settled, *together]))


@aws.guarded
def close(job: Job) -> None:
    """Remove a job from those that the sweep watches: it has ended, and its receipts are written."""
    # A record that was erased meanwhile stays erased: an unconditional update would create an empty one.
    dynamo.write(dynamo.update(job_key(job.id), "REMOVE is_open", "attribute_exists(pk)"))


@aws.guarded
def is_closed(job: Job) -> bool:
    """Return whether a job has ended, and its last receipts are written."""
    return is_terminal(job.state) and "is_open" not in (dynamo.get(job_key(job.id)) or {})


@aws.guarded
def erase(job: Job) -> None:
    """Delete a closed job, and its entries in the order of jobs, in one write."""
    record = dynamo.delete(job_key(job.id), "attribute_not_exists(is_open)")
    if not all(dynamo.transact([record, *job_index.deletes(job)])):
        raise WrongState(f"Job {job.id} is not closed.")


@aws.guarded
def open_jobs(not_moved_since: float, kind: str = OPEN, limit: int | None = MAX_SWEEP) -> list[str]:
    """Return the jobs of a kind (``OPEN``, ``WAITING``, ``PARKED``) without a change since a time, the oldest first."""
    pages = (
        aws.dynamodb()
        .get_paginator("query")
        .paginate(
            TableName=settings.job_table(),
            IndexName=OPEN_JOBS,
            KeyConditionExpression="is_open = :open AND updated_at < :since",
            ExpressionAttributeValues=dynamo.pack({":open": kind, ":since": dynamo.time(not_moved_since)}),
            PaginationConfig={"MaxItems": limit} if limit else {},
        )
    )
    return [str(dynamo.unpack(item)["id"]) for page in pages for item in page["Items"]]


def _readable(item: dict[str, Any]) -> Job | None:
    try:
        return _shown(job_items.job_from(item))
    except (KeyError, TypeError, ValueError) as error:
        log.warning("job record unreadable", job_id=str(item["id"]), error=type(error).__name__)
        return None


def _shown(job: Job) -> Job:
    for name, kind in _IN_VIEWS.items():
        if not isinstance(getattr(job, name), kind):
            raise TypeError(name)
    return job


def _new_job_item(job: Job) -> dict[str, Any]:
    expires_at = int(job.created_at) + settings.record_seconds()
    kind = PARKED if job.parked else OPEN
    return {**job_key(job.id), **job_items.job_record(job), "expires_at": expires_at, "is_open": kind}


def _is_written(before: Job, after: Job) -> bool:
    """Return whether a refused write was made before: its reply was lost, and boto3 sent it again."""
    current, changed = dynamo.get(job_key(before.id)) or {}, _changed(job_items.job_record(before), after)
    return all(name in current and current[name] == value for name, value in changed.items())


def _changed(before: dict[str, Any], after: Job) -> dict[str, Any]:
    new = job_items.job_record(after)
    return {name: value for name, value in new.items() if before[name] != value or name == "state"}


def _update(before: Job, after: Job) -> UpdateTypeDef:
    old = job_items.job_record(before)
    changed = _changed(old, after)
    if before.state is JobState.QUEUED:
        # Whatever its next state is, it no longer waits for anything.
        changed["is_open"] = OPEN
    allowed = {before.state} if before.state is after.state else states_before(after.state)
    values = {f":v{number}": value for number, value in enumerate(changed.values())}
    states = {f":s{number}": state.value for number, state in enumerate(sorted(allowed))}
    names = {f"#n{number}": name for number, name in enumerate(changed)}
    return {
        "TableName": settings.job_table(),
        "Key": dynamo.pack(job_key(before.id)),
        "UpdateExpression": "SET " + ", ".join(f"#n{number} = :v{number}" for number in range(len(changed))),
        "ConditionExpression": (
            f"#state IN ({', '.join(states)}) AND {unchanged('#attempt', ':attempt', old['attempt'])}"
            f" AND {unchanged('#account', ':account', before.account or None)}"
        ),
        "ExpressionAttributeNames": {**names, "#state": "state", "#attempt": "attempt", "#account": "account"},
        "ExpressionAttributeValues": dynamo.pack(
            {**values, **states, ":attempt": old["attempt"], ":account": before.account}
        ),
    }


def unchanged(name: str, placeholder: str, old: object) -> str:
    """Write the condition that an attribute still has its old value; an earlier version left out what was None."""
    is_equal = f"{name} = {placeholder}"
    return is_equal if old is not None else f"({is_equal} OR attribute_not_exists({name}))"


def _moved_on(before: Job, after: Job) -> WrongState:
    return WrongState(f"Job {before.id} has changed since it was read and cannot become {after.state}.")


def _task_key(task_id: str) -> dict[str, str]:
    return {"pk": f"TASK#{task_id}", "sk": "TASK"}

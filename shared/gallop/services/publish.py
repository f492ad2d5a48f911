"""Tells in the results bucket how jobs and drops stand: the one place that writes receipts.

The front of a drop may be turned to another job at any moment, and a record may move on while a receipt of it is being
written. Whoever has written therefore looks once more, and writes again until what was written is what holds.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gallop import log, settings
from gallop.adapters.s3 import buckets
from gallop.adapters.table import drops, job_items, jobs
from gallop.domain.doors import Door
from gallop.domain.drops import receipts
from gallop.domain.drops.current import NO_JOB, CurrentDrop
from gallop.domain.errors import JobNotFound, WrongState
from gallop.domain.job import Result, is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.adapters.s3.buckets import Found
    from gallop.domain.job import Job

MAX_LOOKS = 8


def status(job: Job) -> Job:
    """Tell the job's state, and once it has ended all that came of it; gives the job as it stands then.

    Raises:
        WrongState: it kept moving.

    """
    written: tuple[str, dict[str, Any]] | None = None
    for _ in range(MAX_LOOKS):
        current = _current(job)
        prefix = current.prefix_for(job.id)
        job = _move_files(job, prefix)
        due = prefix, receipts.for_job(job)
        if due == written:
            return job
        for name, receipt in due[1].items():
            buckets.put_receipt(f"{prefix}/{name}", receipt, job.id)
        if prefix != current.path and (is_terminal(job.state) or (written and written[0] == current.path)):
            _withdraw(job, current)
        written = due
        job = jobs.get(job.id)
    raise WrongState(f"Job {job.id} kept moving on.")


def prefix_of(job: Job) -> str:
    """Give the prefix under which a job's files belong at this moment."""
    return _current(job).prefix_for(job.id)


def put_thumbnail(job: Job, jpeg: bytes) -> Result:
    """Store the picture of a job's video beside it."""
    key = f"{prefix_of(job)}/{receipts.THUMBNAIL}"
    return Result(
        bucket=settings.results_bucket(),
        key=key,
        version_id=buckets.put_picture(key, jpeg, job.id),
        size=len(jpeg),
        sha256=hashlib.sha256(jpeg).hexdigest(),
        content_type=buckets.JPEG,
    )


def move_files(job: Job) -> Job:
    """Let a job's files lie where they belong, when they were stored while that changed."""
    return _move_files(job, prefix_of(job))


def show(current: CurrentDrop) -> None:
    """Tell what stands at the front of a drop."""
    if current.job == NO_JOB:
        for name, receipt in current.receipts.items():
            buckets.put_receipt(f"{current.path}/{name}", receipt, NO_JOB)
        return
    try:
        status(jobs.get(current.job))
    except JobNotFound:
        log.warning("the record of a drop's job is gone", job_id=current.job)


def clean_up(current: CurrentDrop) -> None:
    """Give every earlier job of a drop a folder of its own, and leave at the front what belongs there.

    Whatever breaks off leaves the front marked as untidy, and the next one to come along does it again.
    """
    for owner in current.displaced:
        if owner != NO_JOB:
            _archive(owner, current)
    show(current)
    _remove(current, current.path, lambda found, name: current.may_remove(found.owner, name))
    if current.job != NO_JOB:
        _remove(current, f"{current.path}/{current.job}", lambda found, _: found.owner == current.job)
    drops.replace(current, current.cleaned_up())


def _current(job: Job) -> CurrentDrop:
    return drops.get(job.receipts) if job.door is Door.S3 else CurrentDrop(job.receipts)


def _archive(owner: str, current: CurrentDrop) -> None:
    try:
        status(jobs.get(owner))
    except JobNotFound:
        # Its record has expired: its files are kept as they are.
        for name in receipts.FILES:
            found = buckets.result(f"{current.path}/{name}")
            if found and found.owner == owner:
                buckets.copy_result(found.key, found.version_id, f"{current.path}/{owner}/{name}")


def _withdraw(job: Job, current: CurrentDrop) -> None:
    """Take away what a job wrote at the front while that was turned, or before it died; show there what belongs there.

    Before a job's end that is its ``status.json`` alone, which is written over.
    """
    if not is_terminal(job.state) or _remove(current, current.path, lambda found, _: found.owner == job.id):
        show(current)


def _remove(current: CurrentDrop, prefix: str, is_left: Callable[[Found, str], bool]) -> bool:
    """Remove files that are left, as long as the front is what it was; tells whether there were any."""
    looked_at = {name: buckets.result(f"{prefix}/{name}") for name in receipts.FILES}
    left = [found for name, found in looked_at.items() if found and is_left(found, name)]
    for found in left:
        if drops.get(current.path).job == current.job:
            buckets.remove_result(found)
    return bool(left)


def _move_files(job: Job, prefix: str) -> Job:
    for name, file in (("result", job.result), ("thumbnail", job.thumbnail)):
        folder, _, file_name = file.key.rpartition("/") if file else ("", "", "")
        if file and folder != prefix:
            _move(job, name, file, f"{prefix}/{file_name}")
            job = jobs.get(job.id)
    return job


def _move(job: Job, name: str, file: Result, key: str) -> None:
    moved = replace(file, key=key, version_id=buckets.copy_result(file.key, file.version_id, key))
    if jobs.note(job, name, job_items.FILE.write(moved)):
        left = buckets.result(file.key)
        if left and left.owner == job.id:
            buckets.remove_result(left)

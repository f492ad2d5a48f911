"""Writes the receipts of jobs and drops to the results bucket; no other module does.

A drop's current job may be replaced at any moment, and a record may change while its receipt is being written. Every
write is therefore followed by another read, and repeated until what was written is up to date.
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

MAX_TRIES = 8


def status(job: Job, current: CurrentDrop | None = None) -> Job:
    """Write the receipts of a job's current state, and move its files to where they belong; return the job.

    ``current`` is the job's current drop, if it was just written.

    Raises:
        WrongState: the job's record, or its current drop, kept changing.

    """
    written: tuple[str, dict[str, Any]] | None = None
    for _ in range(MAX_TRIES):
        current = current or _current(job)
        prefix = current.prefix_for(job.id)
        job = _move_files(job, prefix)
        due = prefix, receipts.for_job(job)
        if due == written:
            return job
        for name, receipt in due[1].items():
            buckets.put_receipt(f"{prefix}/{name}", receipt, job.id)
        if prefix != current.path and (is_terminal(job.state) or (written and written[0] == current.path)):
            _withdraw(job, current)
        written, current = due, None
        job = jobs.get(job.id)
    raise WrongState(f"The record of job {job.id} kept changing.")


def prefix_of(job: Job) -> str:
    """Return the prefix under which a job's files currently belong."""
    return _current(job).prefix_for(job.id)


def put_thumbnail(job: Job, jpeg: bytes) -> Result:
    """Store the thumbnail of a job's video beside the video; return what was stored."""
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
    """Move a job's files to where they belong, if that changed while they were being stored; return the job."""
    return _move_files(job, prefix_of(job))


def restore_files(job: Job) -> Job:
    """Put a job's files back where somebody has deleted them, if their versions are still there; return the job."""
    for name, file in (("result", job.result), ("thumbnail", job.thumbnail)):
        if file and buckets.result(file.key) is None and buckets.has_version(file):
            restored = replace(file, version_id=buckets.copy_result(file.key, file.version_id, file.key))
            jobs.note(job, name, job_items.FILE.write(restored))
            log.info("file restored", job_id=job.id, file=name)
    return jobs.get(job.id)


def show(current: CurrentDrop) -> None:
    """Write the receipts of a drop's current job, or of a drop without a job."""
    if current.job == NO_JOB:
        for name, receipt in current.receipts.items():
            buckets.put_receipt(f"{current.path}/{name}", receipt, NO_JOB)
        return
    try:
        status(jobs.get(current.job))
    except JobNotFound:
        log.warning("record of current job not found", job_id=current.job)


def clean_up(current: CurrentDrop) -> None:
    """Move the files of each displaced job of a drop to a folder of its own, and keep only current files in the drop's.

    A run that is interrupted leaves ``displaced`` as it is, and the next run repeats the work.
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
    """Remove what a job wrote to the drop's folder while it was being replaced there; show the current job instead.

    Before the job's end that is only its ``status.json``, which is overwritten.
    """
    if not is_terminal(job.state) or _remove(current, current.path, lambda found, _: found.owner == job.id):
        show(current)


def _remove(current: CurrentDrop, prefix: str, is_obsolete: Callable[[Found, str], bool]) -> bool:
    """Remove obsolete files while the drop's current job is the same; return whether there were any."""
    existing = {name: buckets.result(f"{prefix}/{name}") for name in receipts.FILES}
    obsolete = [found for name, found in existing.items() if found and is_obsolete(found, name)]
    for found in obsolete:
        if drops.get(current.path).job == current.job:
            buckets.remove_result(found)
    return bool(obsolete)


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

"""Writes the receipts of jobs and drops to the results bucket; no other module does.

A drop's current job may be replaced at any moment, and a record may change while its receipt is being written. Every
write is therefore followed by another read, and repeated until what was written is up to date.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from gallop import log, settings
from gallop.adapters.s3 import buckets
from gallop.adapters.table import drops, job_items, jobs
from gallop.domain import groups, provenance
from gallop.domain.doors import Door
from gallop.domain.drops import group_receipt, receipts
from gallop.domain.drops.current import NO_JOB, CurrentDrop
from gallop.domain.errors import WrongState
from gallop.domain.job import Result, is_terminal
from gallop.domain.request.own_fields import MAX_N
from gallop.services.groups import jobs_of, siblings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gallop.adapters.s3.buckets import Found
    from gallop.domain.job import Job

MAX_TRIES = 8


def status(job: Job, *, is_renewed: bool = False) -> Job:
    """Write the receipts of a job's current state, and of its group if it is one of a drop; return the job.

    ``is_renewed`` as for ``status_of_job``.

    Raises:
        WrongState: the record of the job, or of one of its group, or its current drop, kept changing.

    """
    job = status_of_job(job, is_renewed=is_renewed)
    status_of_group(job)
    return job


def status_of_all(of_drop: Sequence[Job]) -> None:
    """Write the receipts of a drop's job, or of its group and the group's jobs."""
    for job in of_drop:
        status_of_job(job)
    for job in of_drop[:1]:
        status_of_group(job)


def status_of_group(job: Job) -> None:
    """Write the receipt of a job's group, if it is one of a drop.

    Raises:
        WrongState: the record of one of its jobs, or its current drop, kept changing.

    """
    group = groups.in_drop(job)
    written: tuple[str, dict[str, Any]] | None = None
    for _ in range(MAX_TRIES):
        if not (group and (found := siblings(job))):
            return
        current = drops.get(groups.drop_of(job))
        prefix = current.prefix_for(group.id)
        due = prefix, group_receipt.status_receipt(found, prefix)
        if due == written:
            return
        buckets.put_receipt(f"{prefix}/{receipts.STATUS}", due[1], group.id)
        is_over = groups.have_ended(found)
        if prefix != current.path and (is_over or (written and written[0] == current.path)):
            if is_over:
                _copy(group.id, current.path, prefix, receipts.CONTACT_SHEET)
            _withdraw(group.id, current.path, current, is_over=is_over)
        written = due
    raise WrongState(f"The jobs of group {groups.owner_of(job)} kept changing.")


def status_of_job(job: Job, current: CurrentDrop | None = None, *, is_renewed: bool = False) -> Job:
    """Write the receipts of a job's current state, and move its files to where they belong; return the job.

    ``current`` is the job's current drop, if it was just written. The record is read again, because it may have changed
    meanwhile, unless a later step writes the receipts again in any case (``is_renewed``).

    Raises:
        WrongState: the job's record, or its current drop, kept changing.

    """
    written: tuple[str, dict[str, Any]] | None = None
    for _ in range(MAX_TRIES):
        current = current or _current(job)
        prefix = _prefix(job, current)
        job = _move_files(job, prefix)
        due = prefix, receipts.for_job(job)
        if due == written:
            return job
        for name, receipt in due[1].items():
            buckets.put_receipt(f"{prefix}/{name}", receipt, job.id)
        if prefix != job.receipts and (is_terminal(job.state) or (written and written[0] == job.receipts)):
            _withdraw(job.id, job.receipts, current, is_over=is_terminal(job.state))
        if is_renewed:
            return job
        written, current = due, None
        job = jobs.get(job.id)
    raise WrongState(f"The record of job {job.id} kept changing.")


def prefix_of(job: Job) -> str:
    """Return the prefix under which a job's files currently belong."""
    return _prefix(job, _current(job))


def put_contact_sheet(group_id: str, prefix: str, jpeg: bytes) -> None:
    """Store the contact sheet of a group under the prefix of its receipts."""
    buckets.put_picture(f"{prefix}/{receipts.CONTACT_SHEET}", jpeg, group_id)


def prefix_of_group(job: Job) -> str:
    """Return the prefix under which the files of a job's group currently belong."""
    return _current(job).prefix_for(groups.owner_of(job))


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


def put_signed(job: Job, file: BinaryIO) -> Result:
    """Store the signed copy of a job's video, a file on disk, beside the video; return what was stored."""
    key = f"{prefix_of(job)}/{receipts.SIGNED}"
    digest = hashlib.sha256()
    for piece in _pieces(file):
        digest.update(piece)
    size = file.tell()
    metadata = {buckets.OWNER: job.id, **provenance.metadata(job)}
    return Result(
        bucket=settings.results_bucket(),
        key=key,
        version_id=buckets.store_stream(key, _pieces(file), buckets.MP4, lambda: None, metadata),
        size=size,
        sha256=digest.hexdigest(),
        content_type=buckets.MP4,
    )


def move_files(job: Job) -> Job:
    """Move a job's files to where they belong, if that changed while they were being stored; return the job."""
    return _move_files(job, prefix_of(job))


def restore_files(job: Job) -> Job:
    """Put a job's files back where somebody has deleted them, if their versions are still there; return the job."""
    for name, file in _files_of(job):
        if file and buckets.result(file.key) is None and buckets.has_version(file):
            restored = replace(file, version_id=buckets.copy_result(file.key, file.version_id, file.key))
            jobs.note(job, name, job_items.FILE.write(restored))
            log.info("file restored", job_id=job.id, file=name)
    return jobs.get(job.id)


def show(current: CurrentDrop) -> None:
    """Write the receipts of a drop's current job or group, or of a drop without a job."""
    if current.job == NO_JOB:
        for name, receipt in current.receipts.items():
            buckets.put_receipt(f"{current.path}/{name}", receipt, NO_JOB)
        return
    found = jobs_of(current.job)
    if not found:
        log.warning("record of current job not found", job_id=current.job)
    status_of_all(found)


def clean_up(current: CurrentDrop) -> None:
    """Move the files of each displaced job of a drop to a folder of its own, and keep only current files in the drop's.

    A run that is interrupted leaves ``displaced`` as it is, and the next run repeats the work.
    """
    for owner in current.displaced:
        if owner != NO_JOB:
            _archive(owner, current)
    if groups.is_group_id(current.job):
        _copy(current.job, f"{current.path}/{current.job}", current.path, receipts.CONTACT_SHEET)
    show(current)
    _remove(current, current.path, lambda found, name: current.may_remove(found.owner, name))
    for folder in dict.fromkeys(one for owner in current.displaced for one in _folders(current.path, owner)[1:]):
        _remove(current, folder, lambda found, _: groups.group_of(found.owner) in current.displaced)
    for folder in _folders(f"{current.path}/{current.job}", current.job) if current.job != NO_JOB else ():
        _remove(current, folder, lambda found, _: _is_of(current.job, found))
    drops.replace(current, current.cleaned_up())


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    return iter(partial(file.read, buckets.PART_BYTES), b"")


def _current(job: Job) -> CurrentDrop:
    return drops.get(groups.drop_of(job)) if job.door is Door.S3 else CurrentDrop(job.receipts)


def _prefix(job: Job, current: CurrentDrop) -> str:
    place = groups.in_drop(job)
    return current.prefix_for(place.id, place.place) if place else current.prefix_for(job.id)


def _archive(owner: str, current: CurrentDrop) -> None:
    found, own = jobs_of(owner), f"{current.path}/{owner}"
    if found and groups.is_group_id(owner):
        _copy(owner, current.path, own, receipts.CONTACT_SHEET)
    status_of_all(found)
    # If its record has expired, its files are kept as they are.
    for folder, to in () if found else zip(_folders(current.path, owner), _folders(own, owner), strict=True):
        for name in receipts.FILES:
            _copy(owner, folder, to, name)


def _folders(prefix: str, owner: str) -> list[str]:
    """Return the folders of what belongs to a job, or to a group: below its own are those of its jobs."""
    places = range(1, MAX_N + 1) if groups.is_group_id(owner) else ()
    return [prefix, *(f"{prefix}/{place}" for place in places)]


def _is_of(owner: str, found: Found) -> bool:
    return owner in {found.owner, groups.group_of(found.owner)}


def _copy(owner: str, folder: str, to: str, name: str) -> None:
    """Copy a file of a job or group, unless it has one there, which may be newer."""
    found, there = (buckets.result(f"{place}/{name}") for place in (folder, to))
    if found and _is_of(owner, found) and not (there and _is_of(owner, there)):
        buckets.copy_result(found.key, found.version_id, f"{to}/{name}")


def _withdraw(owner: str, place: str, current: CurrentDrop, *, is_over: bool) -> None:
    """Remove what a job or group wrote to its place while it was being replaced there; show the current job instead.

    Before its end that is only its ``status.json``, which is overwritten.
    """
    if not is_over or _remove(current, place, lambda found, _: found.owner == owner):
        show(current)


def _remove(current: CurrentDrop, prefix: str, is_obsolete: Callable[[Found, str], bool]) -> bool:
    """Remove obsolete files while the drop's current job is the same; return whether there were any."""
    existing = {name: buckets.result(f"{prefix}/{name}") for name in receipts.FILES}
    obsolete = [found for name, found in existing.items() if found and is_obsolete(found, name)]
    for found in obsolete:
        if drops.get(current.path).job == current.job:
            buckets.remove_result(found)
    return bool(obsolete)


def _files_of(job: Job) -> tuple[tuple[str, Result | None], ...]:
    """Return the files of a job that move with its receipts, by the names of its fields."""
    return ("result", job.result), ("thumbnail", job.thumbnail), ("signed", job.signed)


def _move_files(job: Job, prefix: str) -> Job:
    for name, file in _files_of(job):
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

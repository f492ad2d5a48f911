"""Tells in the results bucket how jobs and drops stand: the one place that writes receipts.

The front of a drop may be turned to another job at any moment, and a record may move on while a receipt of it is being
written. Whoever has written therefore looks once more, and writes again until what was written is what holds.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gallop import log, settings
from gallop.adapters.s3 import buckets as objects
from gallop.adapters.table import drops as fronts
from gallop.adapters.table import job_items as records
from gallop.adapters.table import jobs as store
from gallop.domain.drops import receipts
from gallop.domain.drops.current import NOBODY, Front
from gallop.domain.errors import JobNotFound, WrongState
from gallop.domain.job import Door, Result, is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.adapters.s3.buckets import Found
    from gallop.domain.job import Job

LOOKS_AT_MOST = 8


def status(job: Job) -> Job:
    """Tell the job's state, and once it has ended all that came of it; gives the job as it stands then.

    Raises:
        WrongState: it kept moving.

    """
    told: tuple[str, dict[str, Any]] | None = None
    for _ in range(LOOKS_AT_MOST):
        front = _front(job)
        place = front.place_of(job.id)
        job = _bring(job, place)
        due = place, receipts.of_job(job)
        if due == told:
            return job
        for name, receipt in due[1].items():
            objects.put_receipt(f"{place}/{name}", receipt, job.id)
        if place != front.path and (is_terminal(job.state) or (told and told[0] == front.path)):
            _leave(job, front)
        told = due
        job = store.job(job.id)
    raise WrongState(f"Job {job.id} kept moving on.")


def place(job: Job) -> str:
    """Give the prefix under which a job's files belong at this moment."""
    return _front(job).place_of(job.id)


def thumbnail(job: Job, jpeg: bytes) -> Result:
    """Store the picture of a job's video beside it."""
    key = f"{place(job)}/{receipts.THUMBNAIL}"
    return Result(
        bucket=settings.results_bucket(),
        key=key,
        version_id=objects.put_picture(key, jpeg, job.id),
        size=len(jpeg),
        sha256=hashlib.sha256(jpeg).hexdigest(),
        content_type=objects.JPEG,
    )


def bring(job: Job) -> Job:
    """Let a job's files lie where they belong, when they were stored while that changed."""
    return _bring(job, place(job))


def show(front: Front) -> None:
    """Tell what stands at the front of a drop."""
    if front.job == NOBODY:
        for name, receipt in front.words.items():
            objects.put_receipt(f"{front.path}/{name}", receipt, NOBODY)
        return
    try:
        status(store.job(front.job))
    except JobNotFound:
        log.warning("the record of a drop's job is gone", job_id=front.job)


def tidy(front: Front) -> None:
    """Give every earlier job of a drop a folder of its own, and leave at the front what belongs there.

    Whatever breaks off leaves the front marked as untidy, and the next one to come along does it again.
    """
    for owner in front.behind:
        if owner != NOBODY:
            _shelve(owner, front)
    show(front)
    _remove(front, front.path, lambda found, name: front.may_remove(found.owner, name))
    if front.job != NOBODY:
        _remove(front, f"{front.path}/{front.job}", lambda found, _: found.owner == front.job)
    fronts.turn(front, front.tidied())


def _front(job: Job) -> Front:
    return fronts.get(job.receipts) if job.door is Door.S3 else Front(job.receipts)


def _shelve(owner: str, front: Front) -> None:
    try:
        status(store.job(owner))
    except JobNotFound:
        # Its record has expired: its files are kept as they are.
        for name in receipts.FILES:
            found = objects.result(f"{front.path}/{name}")
            if found and found.owner == owner:
                objects.copy_result(found.key, found.version_id, f"{front.path}/{owner}/{name}")


def _leave(job: Job, front: Front) -> None:
    """Take away what a job wrote at the front while that was turned, or before it died; show there what belongs there.

    Before a job's end that is its ``status.json`` alone, which is written over.
    """
    if not is_terminal(job.state) or _remove(front, front.path, lambda found, _: found.owner == job.id):
        show(front)


def _remove(front: Front, prefix: str, is_left: Callable[[Found, str], bool]) -> bool:
    """Remove files that are left, as long as the front is what it was; tells whether there were any."""
    looked_at = {name: objects.result(f"{prefix}/{name}") for name in receipts.FILES}
    left = [found for name, found in looked_at.items() if found and is_left(found, name)]
    for found in left:
        if fronts.get(front.path).job == front.job:
            objects.remove_result(found)
    return bool(left)


def _bring(job: Job, place: str) -> Job:
    for name, file in (("result", job.result), ("thumbnail", job.thumbnail)):
        folder, _, file_name = file.key.rpartition("/") if file else ("", "", "")
        if file and folder != place:
            _move(job, name, file, f"{place}/{file_name}")
            job = store.job(job.id)
    return job


def _move(job: Job, name: str, file: Result, key: str) -> None:
    moved = replace(file, key=key, version_id=objects.copy_result(file.key, file.version_id, key))
    if store.note(job, name, records.file_record(moved)):
        left = objects.result(file.key)
        if left and left.owner == job.id:
            objects.remove_result(left)

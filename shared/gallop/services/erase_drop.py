"""Deletes an ended job of the S3 door, or its group, with the files that were dropped for it: else they start it again.

Only an operator's command does this, with the operator's own rights. A run that crashes leaves the record, so that the
next run can delete the rest.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from gallop import log, settings
from gallop.adapters.s3 import buckets, versions
from gallop.adapters.table import drops as drop_table
from gallop.adapters.table import jobs
from gallop.domain import groups
from gallop.domain.drops import drop as drops
from gallop.domain.drops import receipts
from gallop.domain.drops.drop import Folder
from gallop.domain.errors import JobNotFinished
from gallop.domain.frozen import frozen
from gallop.domain.job import is_terminal
from gallop.domain.request.clips import StoredClip
from gallop.domain.request.images import StoredImage
from gallop.services import closing, erase
from gallop.services.groups import jobs_of, siblings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.adapters.s3.versions import Version
    from gallop.domain.drops.current import CurrentDrop
    from gallop.domain.drops.drop import Scope
    from gallop.domain.job import Job


# The receipts of a line of a batch, as ``gallop.domain.drops.batch`` names them.
_LINE = re.compile(r"(?:^|/)batch/[0-9]{5,}", re.IGNORECASE)


@frozen
class Plan:
    """What is deleted with a job: ``dropped`` are versions of the inbox, and ``results`` those of its results.

    ``others`` are the jobs of its group, which go with it: the dropped files are theirs, too. ``is_line`` says that it
    is a line of a batch, whose files are for other lines, too, and stay.
    """

    job: Job
    others: tuple[Job, ...]
    current: CurrentDrop
    dropped: tuple[Version, ...]
    results: tuple[Version, ...]
    is_line: bool = False

    @property
    def is_current(self) -> bool:
        """Whether the job is the current one of its drop."""
        return self.current.job == groups.owner_of(self.job)


def plan(job: Job) -> Plan:
    """Return what belongs to a job of the S3 door, and to its group.

    Raises:
        JobNotFinished: one has not ended, or its files are being moved.

    """
    current = drop_table.get(groups.drop_of(job))
    others = tuple(one for one in siblings(job) if one.id != job.id)
    for one in (job, *others):
        if not closing.is_closed(one) or current.displaced:
            raise JobNotFinished(f"Job {one.id} is {one.state.value}, or its last receipts are still being written.")
    scope = _scope_of(job)
    found = Plan(job, others, current, (), tuple(_results(job, others, current)), is_line=scope is None)
    if scope is None:
        return found
    return replace(found, dropped=tuple(_dropped(found, scope)))


def erase_with_files(found: Plan) -> None:
    """Delete a job, its group, their results and the files that were dropped for them; its record is last."""
    versions.remove(settings.inbox_bucket(), found.dropped)
    versions.remove(settings.results_bucket(), found.results)
    for job in (*found.others, found.job):
        erase.release_inputs(job)
    if found.is_current:
        scope = _scope_of(found.job)
        drop_table.forget(found.current, drops.prefixes_of(scope)[0] if scope else "")
    for job in (*found.others, found.job):
        jobs.erase(job)
        log.info("job erased with its drop", job_id=job.id)


def _scope_of(job: Job) -> Scope | None:
    """Return the scope of a job's drop; None for a line of a batch."""
    of_drop = groups.drop_of(job)
    own = [key for key, _ in _files_of(job) if (path := drops.path_of(key)) and drops.receipts_of(path) == of_drop]
    if own:
        return drops.scope_of(own[0])
    # A drop without images, or one of which all are elsewhere.
    return None if _LINE.search(of_drop) and not _has_files(of_drop) else Folder(of_drop)


def _files_of(job: Job) -> list[tuple[str, str]]:
    """Return the keys and versions of the dropped files that a job uses."""
    stored = [source for source in job.request.sources if isinstance(source, StoredImage | StoredClip)]
    originals = [image.original for image in stored if isinstance(image, StoredImage) and image.original]
    return [(file.key, file.version_id) for file in (*stored, *originals) if file.key.startswith(drops.PREFIX)]


def _has_files(path: str) -> bool:
    return bool(buckets.list_directly_under(f"{drops.PREFIX}{path}/"))


def _dropped(found: Plan, scope: Scope) -> list[Version]:
    bucket = settings.inbox_bucket()
    there = [one for prefix in drops.prefixes_of(scope) for one in versions.under(bucket, prefix)]
    kept = _versions_in_use(found.current, found.job)
    if not found.is_current:
        # The files are those of another job: only what the upload for that one replaced is this job's alone.
        used = _versions_of(found.job)
        return [one for one in there if one.version_id in used and one.version_id not in kept and not one.is_latest]
    keys = _keys_of_drop(scope, found.job, [one.key for one in there])
    return [one for one in there if one.key in keys and one.version_id not in kept]


def _keys_of_drop(scope: Scope, job: Job, there: Sequence[str]) -> set[str]:
    if isinstance(scope, Folder):
        folder = drops.prefixes_of(scope)[0]
        return {key for key in there if "/" not in key.removeprefix(folder) and not drops.is_batch(key)}
    listed = drops.drops_of(scope, buckets.list_scope(scope))
    own = [drop for drop in listed if drop.receipts == job.receipts]
    entries = [entry for drop in own for entry in (*drop.images, drop.cancel) if entry]
    if len(listed) == len(own):
        # Of several images with one stem, the text is for all.
        entries += [drop.prompt for drop in own if drop.prompt]
    return {*(entry.key for entry in entries), *(key for key, _ in _files_of(job))}


def _versions_of(job: Job) -> set[str]:
    return {version_id for _, version_id in _files_of(job)}


def _versions_in_use(current: CurrentDrop, job: Job) -> set[str]:
    """Return the versions that other jobs of the drop use: the current one, and earlier ones that have not ended."""
    owners = [one for one in dict.fromkeys((current.job, *current.earlier)) if one not in ("", groups.owner_of(job))]
    others = [other for owner in owners for other in jobs_of(owner)]
    using = [other for other in others if groups.owner_of(other) == current.job or not is_terminal(other.state)]
    return {version for other in using for version in _versions_of(other)}


def _results(job: Job, others: Sequence[Job], current: CurrentDrop) -> list[Version]:
    """Return the versions of a job's files: in the drop's folder and in its own, as they may have been moved."""
    bucket, path, owner = settings.results_bucket(), current.path, groups.owner_of(job)
    folders = dict.fromkeys((path, *(one.receipts for one in (job, *others))))
    keys = [f"{folder}/{name}" for folder in folders for name in receipts.FILES]
    shared = [one for key in keys for one in versions.under(bucket, key) if one.key == key]
    if current.prefix_for(owner) != path:
        # Another job's files are current there, or receipts of the drop itself.
        own = {owner, job.id, *(one.id for one in others)}
        shared = [one for one in shared if buckets.owner_of(one.key, one.version_id) in own]
    return [*versions.under(bucket, f"{path}/{owner}/"), *shared]

"""Updates the current drop: with a job, with receipts that say what is missing, or with the answer to a CANCEL.

Events arrive late, twice and at the same time. Each update is one conditional write, and a run that loses the race
reads the drop again. What remains to be done after an update (receipts, files of displaced jobs) is repeated by the
next run that finds it unfinished.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gallop import log
from gallop.adapters.table import drops, job_items, jobs
from gallop.adapters.table.codec import SECONDS
from gallop.domain import groups, models
from gallop.domain.clients import keys
from gallop.domain.drops import receipts
from gallop.domain.drops.current import NO_JOB, CurrentDrop
from gallop.domain.errors import JobNotFound, WrongState
from gallop.domain.job import REPLACED, RESTORED, CancelAnswer, Failure, JobState, is_terminal, job_id_of
from gallop.domain.request.own_fields import MAX_N
from gallop.services import accept, publish
from gallop.services.groups import jobs_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gallop.domain.job import Job
    from gallop.services.accept import NewJob

MAX_TRIES = 8
_PLACES = {str(place) for place in range(1, MAX_N + 1)}
_ANSWERS = {
    "cancelled": "The job has been cancelled. Nothing was charged.",
    "too_late": "Too late to cancel: DashScope may have started. It may be charged; if so, the video is put here.",
    "already_finished": "The job had already ended.",
}


def start(new_job: NewJob, uploaded_at: float) -> None:
    """Make a job or group, new or known, the current one of its drop.

    ``uploaded_at`` is when the newest of its files was uploaded, in epoch seconds.

    Raises:
        BudgetExceeded: a cap has no room for its estimate.
        WrongState: the current drop kept changing.

    """
    new_job = replace(new_job, dropped_at=uploaded_at)
    for _ in range(MAX_TRIES):
        before = drops.get(new_job.receipts)
        if before.supersedes(uploaded_at, new_job.owner):
            log.info("drop superseded", drop=new_job.receipts, job_id=new_job.job_id)
            return
        if _has_job_of_another_kind(before, new_job, uploaded_at):
            log.info("drop has a job of an earlier version", drop=new_job.receipts)
            return
        after = before.with_job(new_job.owner, uploaded_at)
        with suppress(WrongState):
            recorded, is_new = accept.accept_all(replace(new_job, drop_update=(before, after)))
            if is_new:
                _clean_up(after)
                return
            if _were_replaced(recorded):
                raise WrongState(f"{new_job.owner} was cancelled while its content was being restored.")
            is_known = before.job == new_job.owner and before.uploaded_at >= uploaded_at
            if is_known or drops.replace(before, after):
                _note_redrop(recorded, uploaded_at)
                _clean_up(before if is_known else after)
                return
    raise WrongState(f"The current job of drop {new_job.receipts} kept changing.")


def has_job(path: str, uploaded_at: float) -> bool:
    """Return whether a drop has a job that knows its uploads until ``uploaded_at``."""
    current = drops.get(path)
    return current.job != NO_JOB and current.uploaded_at >= uploaded_at


def _has_job_of_another_kind(current: CurrentDrop, new_job: NewJob, uploaded_at: float) -> bool:
    """Return whether the same uploads already have a job, which the rules of an earlier version made.

    Other files, or another content, would be newer. A job that was cancelled while its content was restored does not
    count.
    """
    if current.job in (NO_JOB, new_job.owner) or current.uploaded_at < uploaded_at:
        return False
    found = jobs_of(current.job)
    if not found:
        return True
    return not _were_replaced(found) and _kind_of(found[0].request.model) != _kind_of(new_job.request.model)


def _kind_of(model: str) -> str:
    return models.MODELS[model].kind if model in models.MODELS else ""


def show_receipts(path: str, receipts: Mapping[str, Any], uploaded_at: float) -> None:
    """Show receipts of a drop that has no job.

    Raises:
        WrongState: the current drop kept changing.

    """
    for _ in range(MAX_TRIES):
        before = drops.get(path)
        if before.supersedes(uploaded_at):
            return
        after = before if before.shows(receipts) else before.with_receipts(receipts, uploaded_at)
        if after is before or drops.replace(before, after):
            publish.show(after)
            _clean_up(after)
            return
    raise WrongState(f"The current job of drop {path} kept changing.")


def cancel(path: str, uploaded_at: float, why: Failure | None = None) -> None:
    """Cancel the current job of a drop, and what was uploaded before ``uploaded_at`` and has not started.

    ``why`` is recorded as the reason, instead of the one that follows from the job's state.

    Raises:
        WrongState: the current drop, or the job's record, kept changing.

    """
    for _ in range(MAX_TRIES):
        before = drops.get(path)
        after = before if before.cancelled_at >= uploaded_at else before.with_cancel(uploaded_at)
        if after is not before and after.job == NO_JOB:
            after = replace(
                before.with_receipts(receipts.cancelled_before(uploaded_at), uploaded_at), cancelled_at=uploaded_at
            )
        if after is before or drops.replace(before, after):
            _answer_cancel(after, uploaded_at, why)
            return
    raise WrongState(f"The current job of drop {path} kept changing.")


def job_id_for(job_id: str, n: int) -> str:
    """Return the id of the job for a content: another one if that job was cancelled with its batch, or by a change.

    Its content has been restored since, and a cancelled job does not start again. Of ``n`` jobs, it is that of the
    first, and another one if all were cancelled: those that DashScope had started are not made and charged again.
    """
    while _were_replaced(jobs_of(groups.group_of(job_id) if n > 1 else job_id)):
        job_id = job_id_of(keys.S3_DOOR, "restored", job_id)
    return groups.job_id(groups.group_of(job_id), 1) if n > 1 else job_id


def _were_replaced(found: Sequence[Job]) -> bool:
    return bool(found) and all(job.failure in RESTORED for job in found)


def taken_places(path: str, n: int) -> list[str]:
    """Return the places of the ``n`` jobs of a drop in which another drop has its receipts: a folder in its folder."""
    places = [f"{path}/{place}" for place in range(1, n + 1)]
    return [place for place in places if drops.get(place).version]


def is_place_of_group(path: str) -> bool:
    """Return whether the receipts of a drop would be in the place of a job of another drop's group."""
    folder, _, name = path.rpartition("/")
    return bool(folder) and name in _PLACES and groups.is_group_id(drops.get(folder).job)


def withdraw(path: str) -> None:
    """Remove the receipts of a text that waited for its image."""
    current = drops.get(path)
    if current.receipts:
        current, before = current.with_receipts({}, current.uploaded_at), current
        if not drops.replace(before, current):
            return
    _clean_up(current)


def _answer_cancel(current: CurrentDrop, uploaded_at: float, why: Failure | None) -> None:
    if current.job == NO_JOB:
        publish.show(current)
    elif found := jobs_of(current.job):
        for job in found:
            if job.cancel is None or job.cancel.time < uploaded_at:
                _cancel_job(job, uploaded_at, why)
        publish.status_of_all([jobs.get(job.id) for job in found])
    else:
        log.warning("record of current job not found", job_id=current.job)
        return
    _clean_up(current)


def _cancel_job(job: Job, uploaded_at: float, why: Failure | None) -> None:
    # The DashScope client is slow to import, and few drops are cancelled.
    from gallop.services.cancel import Cancellation, cancel  # noqa: PLC0415

    job, outcome = cancel(job.id, why)
    # A run that crashed before it recorded its answer may have cancelled the job.
    result = Cancellation.CANCELLED if job.state is JobState.CANCELLED else outcome
    answer = CancelAnswer(result.value, _ANSWERS[result.value], uploaded_at)
    jobs.note(job, "cancel", job_items.CANCEL.write(answer))


def _note_redrop(known: Sequence[Job], uploaded_at: float) -> None:
    if uploaded_at <= (known[0].dropped_at or 0.0):
        return
    for job in known:
        if uploaded_at > (job.dropped_again_at or 0.0):
            jobs.note(job, "dropped_again_at", SECONDS.write(uploaded_at))
    publish.status_of_all([publish.restore_files(jobs.get(job.id)) for job in known])


def _clean_up(current: CurrentDrop) -> None:
    if current.displaced:
        _cancel_earlier(current)
        publish.clean_up(current)


def _cancel_earlier(current: CurrentDrop) -> None:
    """Cancel the jobs that the current one replaced, if they have not ended and that is free."""
    if current.job == NO_JOB:
        return
    for owner in current.earlier:
        for job in jobs_of(owner):
            # An earlier job may be current again since this state was read.
            if drops.get(current.path).job != current.job:
                return
            if not is_terminal(job.state):
                from gallop.services.cancel import cancel  # noqa: PLC0415 - as in _cancel_job

                with suppress(JobNotFound):
                    cancel(job.id, REPLACED)

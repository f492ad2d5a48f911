"""Turns the front of a drop: to a job, to a word about what it lacks, or to what came of a CANCEL.

Events come late, twice and at the same time. Each turn is one conditional write, and whoever finds that another was
quicker looks again. What a turn leaves to be done (receipts, files of earlier jobs) is done again by whoever finds it
undone.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gallop import log
from gallop.adapters.table import drops as fronts
from gallop.adapters.table import job_items as records
from gallop.adapters.table import jobs as store
from gallop.domain.drops import receipts
from gallop.domain.drops.current import NOBODY, Front
from gallop.domain.errors import WrongState
from gallop.domain.job import CancelAnswer, JobState
from gallop.services import accept as create
from gallop.services import publish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gallop.domain.job import Job
    from gallop.services.accept import Wish

TURNS_AT_MOST = 8
_ANSWERS = {
    "cancelled": "The job was cancelled in time. Nothing was charged.",
    "too_late": "DashScope is at it already: the video will be made, charged, and put here.",
    "already_finished": "The job had ended before.",
}


def start(wish: Wish, asked_at: float) -> None:
    """Make a drop's job the one at its front, new or known; ``asked_at`` is when its newest file was uploaded.

    Raises:
        BudgetExceeded: there is no room for its estimate.
        WrongState: the front kept turning.

    """
    wish = replace(wish, dropped_at=asked_at)
    for _ in range(TURNS_AT_MOST):
        before = fronts.get(wish.receipts)
        if before.outlasts(asked_at, wish.job_id):
            log.info("drop overtaken", drop=wish.receipts, job_id=wish.job_id)
            return
        after = before.with_job(wish.job_id, asked_at)
        with suppress(WrongState):
            job, is_new = create.accept(replace(wish, turn=(before, after)))
            if is_new:
                _settle(after)
                return
            is_known = before.job == wish.job_id and before.asked_at >= asked_at
            if is_known or fronts.turn(before, after):
                _note_again(job, asked_at)
                _settle(before if is_known else after)
                return
    raise WrongState(f"The front of drop {wish.receipts} kept turning.")


def say(path: str, words: Mapping[str, Any], asked_at: float) -> None:
    """Say something of a drop that is no job.

    Raises:
        WrongState: the front kept turning.

    """
    for _ in range(TURNS_AT_MOST):
        before = fronts.get(path)
        if before.outlasts(asked_at):
            return
        after = before if before.says(words) else before.with_words(words, asked_at)
        if after is before or fronts.turn(before, after):
            publish.show(after)
            _settle(after)
            return
    raise WrongState(f"The front of drop {path} kept turning.")


def cancel(path: str, asked_at: float) -> None:
    """Cancel what stands at the front of a drop, and what was uploaded before and has not started.

    Raises:
        WrongState: the front or the job kept moving.

    """
    for _ in range(TURNS_AT_MOST):
        before = fronts.get(path)
        after = before if before.cancelled_at >= asked_at else before.cancelled(asked_at)
        if after is not before and after.job == NOBODY:
            after = replace(before.with_words(receipts.cancelled_before(asked_at), asked_at), cancelled_at=asked_at)
        if after is before or fronts.turn(before, after):
            _answer_cancel(after, asked_at)
            return
    raise WrongState(f"The front of drop {path} kept turning.")


def withdraw(path: str) -> None:
    """Take back what was said of a text that waited for its image."""
    front = fronts.get(path)
    if front.words:
        front, before = front.with_words({}, front.asked_at), front
        if not fronts.turn(before, front):
            return
    _settle(front)


def _answer_cancel(front: Front, asked_at: float) -> None:
    if front.job == NOBODY:
        publish.show(front)
    else:
        job = store.job(front.job)
        if job.cancel and job.cancel.time >= asked_at:
            publish.status(job)
        else:
            _cancel_job(job, asked_at)
    _settle(front)


def _cancel_job(job: Job, asked_at: float) -> None:
    # Its way to DashScope takes long to load, and few drops are cancelled.
    from gallop.services.cancel import Cancellation, cancel  # noqa: PLC0415

    job, outcome = cancel(job.id)
    # A run that died before it could note its answer has cancelled the job all the same.
    word = Cancellation.CANCELLED if job.state is JobState.CANCELLED else outcome
    answer = CancelAnswer(word.value, _ANSWERS[word.value], asked_at)
    store.note(job, "cancel", records.cancel_record(answer))
    publish.status(store.job(job.id))


def _note_again(job: Job, asked_at: float) -> None:
    if asked_at <= (job.dropped_at or 0.0):
        return
    if asked_at > (job.dropped_again_at or 0.0):
        store.note(job, "dropped_again_at", records.seconds(asked_at))
    publish.status(store.job(job.id))


def _settle(front: Front) -> None:
    if front.behind:
        publish.tidy(front)

"""Creates a job from a request that has been read and checked: the same for both doors."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from gallop import clock, log, metrics, settings
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.table import budgets, drops, idempotency_records, jobs
from gallop.adapters.table.idempotency_records import Creation
from gallop.domain import budget
from gallop.domain.budget import Parked
from gallop.domain.doors import Door
from gallop.domain.draining import Draining
from gallop.domain.errors import (
    BudgetExceeded,
    IdempotencyMismatch,
    JobDeleted,
    JobNotFound,
    NoRoom,
    WrongState,
)
from gallop.domain.frozen import frozen
from gallop.domain.job import Job, JobState, new_job_id
from gallop.domain.metrics import Metric
from gallop.domain.request import estimate as estimates
from gallop.domain.request.images import InlineImage
from gallop.services import publish, stored_images

if TYPE_CHECKING:
    from gallop.domain.budget import BudgetUse, Shortfall
    from gallop.domain.drops.current import CurrentDrop
    from gallop.domain.request.estimate import Estimate
    from gallop.domain.request.idempotency import IdempotencyRecord
    from gallop.domain.request.media import Medium
    from gallop.domain.request.request import VideoRequest

MAX_TRIES = 8
# For an equal create that may be in progress: ten seconds at most.
MAX_WAITS, WAIT_SECONDS = 50, 0.2


def estimate(request: VideoRequest) -> Estimate:
    """Return what a request is expected to cost."""
    return estimates.of(request, settings.dashscope_base_url())


def check_budget(request: VideoRequest, client: str) -> list[BudgetUse]:
    """Check that the caps currently have room for a request, and return how far each is used; reserve nothing.

    Raises:
        BudgetExceeded: a cap has no room.

    """
    now = clock.now()
    day = budget.day_of(now)
    used = budgets.used(budgets.caps_of(client), day)
    if short := budget.shortfall(used, estimate(request).usd, day):
        raise BudgetExceeded(short, now)
    return [budget.use(cap.owner, cap.period, day, spent, cap.usd) for cap, spent in used.items()]


@frozen
class NewJob:
    """A request that becomes a job: its client, its door, and how to recognize it when it is repeated.

    ``job_id`` and ``receipts`` are those of a drop or line; without them the job gets an id when it is recorded.
    ``drop_update`` is the current drop as it was read, and as it will be once the job is recorded. ``is_draining`` says
    that the operator lets all jobs end: it is answered if it repeats an earlier request, and otherwise refused.
    """

    request: VideoRequest
    client: str
    door: Door
    idempotency: IdempotencyRecord | None = None
    job_id: str = ""
    receipts: str = ""
    dropped_at: float | None = None
    drop_update: tuple[CurrentDrop, CurrentDrop] | None = None
    is_draining: bool = False


def accept(new_job: NewJob) -> tuple[Job, bool]:
    """Record a job, reserve its estimate and start its workflow; return the recorded job, and whether it is new.

    A repeated request creates nothing, but starts its job if that was recorded and not started. A repeated request
    whose job was deleted is a new one, unless it has a key. The S3 door records and parks a job that exceeds a cap,
    unless the stack refuses those.

    Raises:
        BudgetExceeded: a cap has no room for its estimate.
        Draining: the job is new, and the operator lets all jobs end.
        IdempotencyMismatch: the client used the key for another request.
        JobDeleted: the client used the key for a job that was deleted.
        WrongState: the job is new, and its current drop has changed since it was read.

    """
    creation, key = _create(new_job), new_job.idempotency
    if key and not creation.is_new and creation.fingerprint != key.fingerprint:
        raise IdempotencyMismatch("This Idempotency-Key was already used for a different request.")
    try:
        job = creation.job or jobs.get(creation.job_id)
    except JobNotFound:
        if key is None or key.may_replace == creation.job_id:
            raise
        if key.has_key:
            raise JobDeleted("The job of this Idempotency-Key was deleted.") from None
        return accept(replace(new_job, idempotency=replace(key, may_replace=creation.job_id)))
    log.also(job_id=job.id)
    if creation.is_new:
        metrics.count(Metric.JOBS_ACCEPTED)
    elif key and not key.has_key:
        idempotency_records.prolong(key, job.id, clock.now())
    if job.state is JobState.QUEUED:
        publish.status(job, new_job.drop_update[1] if new_job.drop_update and creation.is_new else None)
        if not job.parked:
            job_workflow.start(job.id)
    log.info("job accepted", door=new_job.door.value, is_new=creation.is_new)
    return job, creation.is_new


def check_not_deleted(key: IdempotencyRecord | None) -> None:
    """Check that the job of a key still exists: with a deleted job its uploads are gone, too.

    Raises:
        JobDeleted: it was deleted.

    """
    known = idempotency_records.known(key, clock.now()) if key else None
    if known:
        try:
            jobs.get(known.job_id)
        except JobNotFound:
            raise JobDeleted("The job of this Idempotency-Key was deleted.") from None


def _create(new_job: NewJob) -> Creation:
    """Record a job, unless it repeats one.

    An equal create that has not been answered may be in progress, or have died. This one waits briefly for its answer,
    after which it is a request of its own, and not a repetition.
    """
    creation, key = _known(new_job) or _record(new_job), new_job.idempotency
    for _ in range(MAX_WAITS):
        if key is None or not creation.is_in_progress(clock.now()):
            break
        clock.sleep(WAIT_SECONDS)
        creation = idempotency_records.known(key, clock.now()) or _record(new_job)
    return creation


def _known(new_job: NewJob) -> Creation | None:
    """Return the create that this one repeats, if there is one, before images are stored for nothing.

    Raises:
        BudgetExceeded: it repeats none, and a cap has no room for it.

    """
    has_images = any(isinstance(source, InlineImage) for source in new_job.request.sources)
    if not has_images and not new_job.is_draining:
        return None
    known = _recorded(new_job)
    if known or new_job.is_draining:
        return known
    short = budgets.shortfall(budgets.caps_of(new_job.client), estimate(new_job.request).usd, clock.now())
    if short and not _may_park(new_job, short):
        raise BudgetExceeded(short, clock.now())
    return None


def _recorded(new_job: NewJob) -> Creation | None:
    if new_job.idempotency:
        return idempotency_records.known(new_job.idempotency, clock.now())
    # A drop: the id says which content it has.
    with suppress(JobNotFound):
        return Creation(jobs.get(new_job.job_id).id, is_new=False)
    return None


def _record(new_job: NewJob) -> Creation:
    if new_job.is_draining:
        raise Draining
    job_id = new_job.job_id or new_job_id(clock.now())
    with stored_images.held(new_job.request.media, new_job.client, "" if new_job.job_id else job_id) as held:
        creation = _reserve_and_create(_job_from(new_job, job_id, held.media), new_job)
        held.is_recorded = creation.is_new
    return creation


def _reserve_and_create(job: Job, new_job: NewJob) -> Creation:
    caps = budgets.caps_of(new_job.client)
    together = [drops.replacing(*new_job.drop_update)] if new_job.drop_update else []
    for _ in range(MAX_TRIES):
        now = clock.now()
        reserved = budget.reservation(caps, job.estimated_cost, now)
        try:
            reserving = budgets.reserving(caps, reserved, now)
            return jobs.create(replace(job, reserved=reserved), new_job.idempotency, together, reserving)
        except NoRoom:
            # Read again: a new day, which has room, may have begun meanwhile.
            short = budgets.shortfall(caps, job.estimated_cost, clock.now())
        if short:
            return jobs.create(_parked(job, new_job, short), new_job.idempotency, together)
    raise WrongState(f"The budgets of job {job.id} kept changing.")


def _may_park(new_job: NewJob, short: Shortfall) -> bool:
    return new_job.door is Door.S3 and not short.is_final and settings.parks_over_cap()


def _parked(job: Job, new_job: NewJob, short: Shortfall) -> Job:
    if not _may_park(new_job, short):
        raise BudgetExceeded(short, clock.now())
    deadline = short.resets_at + budget.PATIENCE_SECONDS
    return replace(job, parked=Parked(short.message, short.resets_at), deadline=deadline)


def _job_from(new_job: NewJob, job_id: str, held: tuple[Medium, ...]) -> Job:
    now, key, request = clock.now(), new_job.idempotency, new_job.request
    price = estimate(request)
    return Job(
        id=job_id,
        client=new_job.client,
        door=new_job.door,
        state=JobState.QUEUED,
        request=replace(request, media=held),
        base_url=settings.dashscope_base_url(),
        key_name=settings.dashscope_secret_arn(),
        receipts=new_job.receipts or f"videos/{job_id}",
        estimated_cost=price.usd,
        estimate=price,
        created_at=now,
        updated_at=now,
        deadline=now + settings.queue_seconds() + settings.deadline_seconds(),
        notes=tuple(image.note for image in request.sources if isinstance(image, InlineImage) and image.note),
        dropped_at=new_job.dropped_at,
        content_name=key.name if key and not key.has_key else "",
    )

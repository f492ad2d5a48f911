"""Creates a job, or those of a group, from a request that has been read and checked: the same for both doors."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from gallop import clock, log, metrics, settings
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.table import budgets, drops, idempotency_records, jobs
from gallop.adapters.table.idempotency_records import Creation
from gallop.domain import budget, groups, prices
from gallop.domain.budget import Parked
from gallop.domain.doors import Door
from gallop.domain.draining import Draining
from gallop.domain.errors import (
    BudgetExceeded,
    IdempotencyMismatch,
    JobDeleted,
    JobNotFound,
    NoRoom,
    PlacementRefused,
    WrongState,
)
from gallop.domain.frozen import frozen
from gallop.domain.job import Job, JobState, new_job_id
from gallop.domain.metrics import Metric
from gallop.domain.request import estimate as estimates
from gallop.domain.request.images import InlineImage
from gallop.services import account_caps, lane_list, placement, publish, stored_images
from gallop.services.groups import jobs_of, members

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.domain.budget import BudgetUse, Cap, Shortfall
    from gallop.domain.drops.current import CurrentDrop
    from gallop.domain.job import GroupPlace
    from gallop.domain.request.estimate import Estimate
    from gallop.domain.request.idempotency import IdempotencyRecord
    from gallop.domain.request.media import Medium
    from gallop.domain.request.request import VideoRequest

MAX_TRIES = 8
# For an equal create that may be in progress: ten seconds at most.
MAX_WAITS, WAIT_SECONDS = 50, 0.2


def estimate(request: VideoRequest) -> Estimate:
    """Return what each video of a request is expected to cost: at most, if accounts with several prices may make it."""
    lanes = lane_list.open_to(request.model, request.placement)
    scopes = [lane.scope for lane in lanes] or [prices.scope_of(settings.dashscope_base_url())]
    return estimates.highest(request, scopes)


def total(request: VideoRequest) -> Decimal:
    """Return what all videos of a request are expected to cost, in USD."""
    return estimate(request).usd * request.n


def check_budget(request: VideoRequest, client: str) -> list[BudgetUse]:
    """Check that the caps currently have room for a request, and return how far each is used; reserve nothing.

    Raises:
        BudgetExceeded: a cap has no room.
        PlacementRefused: no account may make it.

    """
    _check_accounts(request)
    now = clock.now()
    day = budget.day_of(now)
    used = budgets.used(budgets.caps_of(client), day)
    if short := budget.shortfall(used, total(request), day):
        raise BudgetExceeded(replace(short, jobs=request.n), now)
    return [budget.use(cap.owner, cap.period, day, spent, cap.usd) for cap, spent in used.items()]


def _check_accounts(request: VideoRequest) -> None:
    placement.check(request)
    account_caps.check(request)


@frozen
class NewJob:
    """A request that becomes a job, or several: its client, its door, and how to recognize it when it is repeated.

    ``job_id`` and ``receipts`` are those of a drop or line; without them the job gets an id when it is recorded.
    ``drop_update`` is the current drop as it was read, and as it will be once the job is recorded. ``is_draining`` says
    that the operator lets all jobs end: it is answered if it repeats an earlier request, and otherwise refused.
    Of a request for several videos, ``job_id`` is that of the first job, and the receipts of each are below
    ``receipts``, by its place.
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

    @property
    def group(self) -> str:
        """The id of the group of a drop's jobs; empty for one job."""
        return groups.group_of(self.job_id) if self.request.n > 1 else ""

    @property
    def owner(self) -> str:
        """The id by which a drop knows its job, or its group."""
        return self.group or self.job_id


def accept(new_job: NewJob) -> tuple[Job, bool]:
    """Record the job of a request for one video, and start it, as ``accept_all`` does."""
    recorded, is_new = accept_all(new_job)
    return recorded[0], is_new


def accept_all(new_job: NewJob) -> tuple[tuple[Job, ...], bool]:
    """Record the jobs of a request, reserve their estimate and start their workflows; return them, and if they are new.

    All are recorded, or none. A repeated request creates nothing, but starts its jobs if they were recorded and not
    started. A repeated request whose jobs were deleted is a new one, unless it has a key. The S3 door records and parks
    a job that exceeds a cap, unless the stack refuses those.

    Raises:
        BudgetExceeded: a cap has no room for its estimate.
        Draining: the job is new, and the operator lets all jobs end.
        IdempotencyMismatch: the client used the key for another request.
        JobDeleted: the client used the key for a job that was deleted.
        PlacementRefused: the job is new, and no account may make it.
        WrongState: the job is new, and its current drop has changed since it was read.

    """
    creation, key = _create(new_job), new_job.idempotency
    if key and not creation.is_new and creation.fingerprint != key.fingerprint:
        raise IdempotencyMismatch("This Idempotency-Key was already used for a different request.")
    recorded = creation.jobs or _repeated(creation)
    if not recorded:
        if key is None or key.may_replace == creation.job_id:
            raise JobNotFound(f"Job {creation.job_id} not found.")
        if key.has_key:
            raise JobDeleted("The job of this Idempotency-Key was deleted.")
        return accept_all(replace(new_job, idempotency=replace(key, may_replace=creation.job_id)))
    log.also(job_id=recorded[0].id)
    if creation.is_new:
        metrics.count(Metric.JOBS_ACCEPTED, len(recorded))
    elif key and not key.has_key:
        idempotency_records.prolong(key, creation.job_id, clock.now())
    for job in recorded:
        _start(job, new_job.drop_update[1] if new_job.drop_update and creation.is_new else None)
    publish.status_of_group(recorded[0])
    log.info("job accepted", door=new_job.door.value, is_new=creation.is_new)
    return recorded, creation.is_new


def _repeated(creation: Creation) -> tuple[Job, ...]:
    """Return the jobs of an earlier create that still exist."""
    if creation.group:
        return members(creation.group)
    with suppress(JobNotFound):
        return (jobs.get(creation.job_id),)
    return ()


def _start(job: Job, current: CurrentDrop | None) -> None:
    if job.state is JobState.QUEUED:
        publish.status_of_job(job, current)
        if not job.parked:
            job_workflow.start(job.id)


def check_not_deleted(key: IdempotencyRecord | None) -> None:
    """Check that the job of a key still exists: with a deleted job its uploads are gone, too.

    Raises:
        JobDeleted: it was deleted.

    """
    known = idempotency_records.known(key, clock.now()) if key else None
    if known and not _repeated(known):
        raise JobDeleted("The job of this Idempotency-Key was deleted.")


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
    short = _shortfall(new_job.request, budgets.caps_of(new_job.client), total(new_job.request))
    if short and not _may_park(new_job, short):
        raise BudgetExceeded(short, clock.now())
    return None


def _recorded(new_job: NewJob) -> Creation | None:
    if new_job.idempotency:
        return idempotency_records.known(new_job.idempotency, clock.now())
    # A drop: the id says which content it has.
    recorded = jobs_of(new_job.owner)
    return Creation(recorded[0].id, is_new=False, group=new_job.group) if recorded else None


def _record(new_job: NewJob) -> Creation:
    if new_job.is_draining:
        raise Draining
    try:
        _check_accounts(new_job.request)
    except (BudgetExceeded, PlacementRefused):
        if known := _recorded(new_job):
            # It repeats an earlier create, whose job is answered whatever accounts there are now.
            return known
        raise
    request, is_alone = new_job.request, new_job.request.n == 1
    job_id = new_job.job_id or new_job_id(clock.now())
    # The ids of a group's jobs are those of the moment when they are recorded.
    with stored_images.held(request.media, new_job.client, job_id if is_alone and not new_job.job_id else "") as held:
        creation = _reserve_and_create(_jobs_from(new_job, job_id, held.media), new_job)
        held.is_recorded = creation.is_new
    return creation


def _reserve_and_create(new: Sequence[Job], new_job: NewJob) -> Creation:
    caps, cost = budgets.caps_of(new_job.client), sum((job.estimated_cost for job in new), Decimal(0))
    together = [drops.replacing(*new_job.drop_update)] if new_job.drop_update else []
    for _ in range(MAX_TRIES):
        now = clock.now()
        reserving = budgets.reserving(caps, budget.reservation(caps, cost, now), now)
        first, *others = (replace(job, reserved=budget.reservation(caps, job.estimated_cost, now)) for job in new)
        try:
            return jobs.create(first, new_job.idempotency, together, reserving, others)
        except NoRoom:
            # Read again: a new day, which has room, may have begun meanwhile.
            short = _shortfall(new_job.request, caps, cost)
        if short:
            first, *others = (_parked(job, new_job, short) for job in new)
            return jobs.create(first, new_job.idempotency, together, siblings=others)
    raise WrongState(f"The budgets of job {new[0].id} kept changing.")


def _shortfall(request: VideoRequest, caps: Sequence[Cap], cost: Decimal) -> Shortfall | None:
    short = budgets.shortfall(caps, cost, clock.now())
    return short and replace(short, jobs=request.n)


def _may_park(new_job: NewJob, short: Shortfall) -> bool:
    return new_job.door is Door.S3 and not short.is_final and settings.parks_over_cap()


def _parked(job: Job, new_job: NewJob, short: Shortfall) -> Job:
    if not _may_park(new_job, short):
        raise BudgetExceeded(short, clock.now())
    deadline = short.resets_at + budget.PATIENCE_SECONDS
    return replace(job, parked=Parked(short.message, short.resets_at), deadline=deadline)


def _jobs_from(new_job: NewJob, job_id: str, held: tuple[Medium, ...]) -> list[Job]:
    """Return the job of a request, or those of a group, whose ids and creation are of one millisecond."""
    now, request = clock.now(), replace(new_job.request, media=held)
    if request.n == 1:
        return [_job_from(new_job, request, job_id, now)]
    group_id = new_job.group if new_job.job_id else groups.new_group_id(now)
    of_group = zip(groups.split(request), groups.places(group_id, request.n), strict=True)
    return [
        replace(_job_from(_at(new_job, place), one, groups.job_id(place.id, place.place), now), group=place)
        for one, place in of_group
    ]


def _at(new_job: NewJob, place: GroupPlace) -> NewJob:
    return replace(new_job, receipts=f"{new_job.receipts}/{place.place}") if new_job.receipts else new_job


def _job_from(new_job: NewJob, request: VideoRequest, job_id: str, now: float) -> Job:
    key, sent, price = new_job.idempotency, new_job.request.sources, estimate(new_job.request)
    return Job(
        id=job_id,
        client=new_job.client,
        door=new_job.door,
        state=JobState.QUEUED,
        request=request,
        base_url=settings.dashscope_base_url(),
        key_name=settings.dashscope_secret_arn(),
        receipts=new_job.receipts or f"videos/{job_id}",
        estimated_cost=price.usd,
        estimate=price,
        created_at=now,
        updated_at=now,
        deadline=now + settings.queue_seconds() + settings.deadline_seconds(),
        notes=tuple(image.note for image in sent if isinstance(image, InlineImage) and image.note),
        dropped_at=new_job.dropped_at,
        content_name=key.name if key and not key.has_key else "",
    )

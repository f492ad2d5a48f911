"""Makes a job of a request that has been read: the same way for both doors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from gallop import clock, log, settings
from gallop.domain import catalogue, images
from gallop.domain.images import Image, InlineImage, LinkedImage, StoredImage
from gallop.domain.job import Door, Job, JobState
from gallop.edges import objects, store, workflow
from gallop.errors import Fault, IdempotencyMismatch, NoSuchObject, ObjectTooLarge
from gallop.steps import publish

if TYPE_CHECKING:
    from decimal import Decimal

    from gallop.domain.once import Once
    from gallop.domain.request import VideoRequest


def inspect(where: str, image: Image) -> Image | Fault:
    """Look into an image whose bytes we hold; a stored one comes back with its version and hash."""
    match image:
        case LinkedImage():
            return image
        case InlineImage(data):
            return images.check(where, data) or image
        case StoredImage():
            return _inspect_stored(where, image)
    assert_never(image)


def estimate(request: VideoRequest) -> Decimal:
    """Give the list price of a request, in USD."""
    return catalogue.cost_usd(request.model, request.resolution, request.duration, settings.dashscope_base_url())


@dataclass(frozen=True, slots=True)
class Wish:
    """A request at a door: what is wanted, by whom, and what makes it the same wish when it comes again."""

    job_id: str
    request: VideoRequest
    client: str
    door: Door
    receipts: str
    once: Once | None = None


def accept(wish: Wish) -> tuple[Job, bool]:
    """Record the job and start its workflow; gives it as recorded, and whether it is new.

    A wish that was accepted before changes nothing; what was recorded and not started is started now.

    Raises:
        IdempotencyMismatch: the client's key stands for another request.

    """
    made = store.create(_job_of(wish), wish.once)
    if wish.once and not made.is_new and made.fingerprint != wish.once.fingerprint:
        raise IdempotencyMismatch("This Idempotency-Key came with another request before.")
    job = store.job(made.job_id)
    if job.state is JobState.QUEUED:
        publish.status(job)
        workflow.start(job.id)
    log.info("job accepted", job_id=job.id, door=wish.door.value, is_new=made.is_new)
    return job, made.is_new


def _job_of(wish: Wish) -> Job:
    now = clock.now()
    return Job(
        id=wish.job_id,
        client=wish.client,
        door=wish.door,
        state=JobState.QUEUED,
        request=replace(wish.request, images=tuple(_keep(image, wish.client) for image in wish.request.images)),
        base_url=settings.dashscope_base_url(),
        key_name=settings.dashscope_secret_arn(),
        receipts=wish.receipts,
        estimated_cost=estimate(wish.request),
        created_at=now,
        updated_at=now,
        deadline=now + settings.deadline_seconds(),
    )


def _inspect_stored(where: str, image: StoredImage) -> StoredImage | Fault:
    try:
        data, version_id = objects.read(image.key, catalogue.IMAGE_BYTES_AT_MOST)
    except NoSuchObject:
        return Fault(where, "is not in the bucket", "Upload it first, or mend its name.")
    except ObjectTooLarge as error:
        return images.too_large(where, error.size)
    return images.check(where, data) or replace(image, version_id=version_id, sha256=images.sha256(data))


def _keep(image: Image, client: str) -> Image:
    if not isinstance(image, InlineImage):
        return image
    media_type = images.MEDIA_TYPES[images.format_of(image.data) or "JPEG"]
    key, version_id = objects.keep_upload(client, image.data, media_type)
    return StoredImage(settings.inbox_bucket(), key, version_id, images.sha256(image.data))

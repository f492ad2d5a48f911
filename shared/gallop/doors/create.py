"""Makes a job of a request that has been read: the same way for both doors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from gallop import clock, log, settings
from gallop.domain import catalogue, images, receipts
from gallop.domain.images import Image, InlineImage, LinkedImage, StoredImage
from gallop.domain.job import Door, Job, JobState
from gallop.edges import objects, store, workflow
from gallop.errors import Fault, NoSuchObject, ObjectTooLarge

if TYPE_CHECKING:
    from decimal import Decimal

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


def accept(job_id: str, request: VideoRequest, client: str, door: Door, receipts_under: str) -> tuple[Job, bool]:
    """Record the job and start its workflow; gives it as recorded, and whether it is new.

    Called again with the same id it changes nothing, and starts what was recorded and not started.
    """
    now = clock.now()
    job = Job(
        id=job_id,
        client=client,
        door=door,
        state=JobState.QUEUED,
        request=replace(request, images=tuple(_keep(image, client) for image in request.images)),
        base_url=settings.dashscope_base_url(),
        receipts=receipts_under,
        estimated_cost=estimate(request),
        created_at=now,
        updated_at=now,
        deadline=now + settings.deadline_seconds(),
    )
    is_new = store.put_new_job(job)
    if not is_new:
        job = store.job(job_id)
    if job.state is JobState.QUEUED:
        objects.put_receipt(f"{receipts_under}/{receipts.STATUS}", receipts.status_receipt(job))
        workflow.start(job_id)
    log.info("job accepted", job_id=job_id, door=door.value, is_new=is_new)
    return job, is_new


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

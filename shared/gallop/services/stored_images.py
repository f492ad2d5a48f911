"""Images that were sent inside a request or converted: stored for its job, and removed if there is no job after all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gallop import settings
from gallop.adapters.s3 import buckets, image_store
from gallop.adapters.table import image_references
from gallop.domain.request import images
from gallop.domain.request.images import InlineImage, StoredImage
from gallop.domain.request.uploads import Input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.domain.request.media import Medium, Source


def store(sent: Sequence[Medium], client: str) -> tuple[Medium, ...]:
    """Store the images that are in memory; return all files as a job's record has them."""
    return tuple(replace(medium, source=_store(medium.source, client)) for medium in sent)


def withdraw(sent: Sequence[Source], stored: Sequence[Source]) -> None:
    """Remove what ``store`` has stored, unless another job uses it."""
    for before, image in zip(sent, stored, strict=True):
        if isinstance(before, InlineImage) and isinstance(image, StoredImage):
            found = Input(image.bucket, image.key, image.version_id)
            if not image_references.is_used(found):
                buckets.remove_input(found)


def _store(image: Source, client: str) -> Source:
    if not isinstance(image, InlineImage):
        return image
    key, version_id = image_store.put(client, image.data, image.media_type)
    return StoredImage(settings.inbox_bucket(), key, version_id, images.sha256(image.data), image.original)

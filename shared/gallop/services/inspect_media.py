"""Looks into the files of a request whose bytes Gallop can read, before anything is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from gallop.adapters.s3 import buckets
from gallop.domain import models
from gallop.domain.errors import NoSuchObject, ObjectTooLarge
from gallop.domain.faults import Fault
from gallop.domain.media_rules import ImageRules
from gallop.domain.request import images, references
from gallop.domain.request.clips import LinkedClip, StoredClip
from gallop.domain.request.images import InlineImage, LinkedImage, Original, StoredImage
from gallop.media import pictures
from gallop.services import inspect_clips

if TYPE_CHECKING:
    from gallop.domain.request.media import Inspected, Source


def inspect(where: str, source: Source, rules: models.Rules) -> Inspected:
    """Check a file against the limits of its media field; return it, or everything that is wrong with it.

    A stored image is returned with its version and hash, or, if DashScope does not accept it as it is, as converted
    bytes. Those are stored with the job, so that a refused request stores nothing. A video is returned with what was
    measured. An image at an address is not read: DashScope downloads it.
    """
    if isinstance(source, LinkedClip | StoredClip):
        assert not isinstance(rules, ImageRules)  # noqa: S101 - the reader makes clips of other fields only
        return inspect_clips.inspect(where, source, rules)
    assert isinstance(rules, ImageRules)  # noqa: S101 - and images of this one
    found = _inspect_image(where, source, rules)
    return [found] if isinstance(found, Fault) else found


def _inspect_image(where: str, image: images.Image, rules: ImageRules) -> images.Image | Fault:
    match image:
        case LinkedImage():
            return image
        case InlineImage(data):
            return _inspect_bytes(where, data, Original(images.sha256(data)), rules)
        case StoredImage():
            return _inspect_stored(where, image, rules)
    assert_never(image)


def _inspect_stored(where: str, image: StoredImage, rules: ImageRules) -> InlineImage | StoredImage | Fault:
    try:
        data, version_id = buckets.read(image.key, models.MAX_PICTURE_BYTES)
    except NoSuchObject:
        return references.not_there(where)
    except ObjectTooLarge as error:
        return references.too_large(where, error.size)
    sha256 = images.sha256(data)
    found = _inspect_bytes(where, data, Original(sha256, image.bucket, image.key, version_id), rules)
    if isinstance(found, Fault) or found.original:
        return found
    return StoredImage(image.bucket, image.key, version_id, sha256)


def _inspect_bytes(where: str, data: bytes, original: Original, rules: ImageRules) -> InlineImage | Fault:
    found = pictures.examine(where, data, rules)
    if isinstance(found, Fault):
        return found
    return InlineImage(found.data, found.media_type, original if found.note else None, found.note)

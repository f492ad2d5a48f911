"""Reference images: where they are stored, and when two of them are the same."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any, assert_never

from gallop.domain.frozen import frozen


@frozen
class LinkedImage:
    """An image at a public address, which DashScope downloads."""

    url: str


@frozen
class Original:
    """The source of a converted image: the hash of its bytes, and its object in the inbox if it was sent as one."""

    sha256: str
    bucket: str = ""
    key: str = ""
    version_id: str = ""


@frozen
class InlineImage:
    """An image in memory: it was sent inside the request, or converted.

    ``media_type`` is set once the image has been inspected; ``note`` describes how its ``original`` was converted.
    """

    data: bytes
    media_type: str = ""
    original: Original | None = None
    note: str = ""


@frozen
class StoredImage:
    """An image in the inbox bucket; ``version_id`` and ``sha256`` are set once it has been read."""

    bucket: str
    key: str
    version_id: str = ""
    sha256: str = ""
    original: Original | None = None


Image = LinkedImage | InlineImage | StoredImage


def sha256(data: bytes) -> str:
    """Return the SHA-256 of an image in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def identity_of(image: Image) -> str:
    """Return the identity of an image: its address, or the hash of the bytes that were sent, before any conversion."""
    match image:
        case LinkedImage(url):
            return f"url:{url}"
        case InlineImage(original=Original(sha256=sent)) | StoredImage(original=Original(sha256=sent)):
            return f"sha256:{sent}"
        case InlineImage(data):
            return f"sha256:{sha256(data)}"
        case StoredImage():
            return f"sha256:{image.sha256}"
    assert_never(image)


def image_record(image: Image) -> dict[str, Any]:
    """Return the record of where an image is; an inline image must be stored first.

    Raises:
        TypeError: the image is inline.

    """
    match image:
        case LinkedImage(url):
            return {"url": url}
        case StoredImage(bucket, key, version_id, sha256, original):
            record: dict[str, Any] = {"bucket": bucket, "key": key, "version_id": version_id, "sha256": sha256}
            return {**record, "original": asdict(original)} if original else record
        case _:
            raise TypeError("an inline image has no record")


@frozen
class Usable:
    """An image as it is sent to DashScope. ``note`` describes how it was converted; empty if it was not."""

    data: bytes
    media_type: str
    note: str = ""

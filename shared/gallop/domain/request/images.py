"""Reference images: where they are, and what makes two of them the same."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, assert_never


@dataclass(frozen=True, slots=True)
class LinkedImage:
    """An image at a public address, which DashScope fetches by itself."""

    url: str


@dataclass(frozen=True, slots=True)
class Original:
    """What a converted image was made of: bytes of this hash, in an object of the inbox if they came as one."""

    sha256: str
    bucket: str = ""
    key: str = ""
    version_id: str = ""


@dataclass(frozen=True, slots=True)
class InlineImage:
    """An image whose bytes are at hand: it came inside the request, or was converted.

    ``media_type`` is known once it has been looked into, and ``note`` says what was done to its ``original``.
    """

    data: bytes
    media_type: str = ""
    original: Original | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image in the inbox bucket; ``version_id`` and ``sha256`` are known once it has been read."""

    bucket: str
    key: str
    version_id: str = ""
    sha256: str = ""
    original: Original | None = None


Image = LinkedImage | InlineImage | StoredImage


def sha256(data: bytes) -> str:
    """Name an image by its content."""
    return hashlib.sha256(data).hexdigest()


def identity_of(image: Image) -> str:
    """Give what makes an image the same: its address, or the bytes as they came, whatever they were converted to."""
    match image:
        case LinkedImage(url):
            return f"url:{url}"
        case InlineImage(original=Original(sha256=came)) | StoredImage(original=Original(sha256=came)):
            return f"sha256:{came}"
        case InlineImage(data):
            return f"sha256:{sha256(data)}"
        case StoredImage():
            return f"sha256:{image.sha256}"
    assert_never(image)


def image_record(image: Image) -> dict[str, Any]:
    """Write down where an image is; inline images are stored before they get here.

    Raises:
        TypeError: the image is still inline.

    """
    match image:
        case LinkedImage(url):
            return {"url": url}
        case StoredImage(bucket, key, version_id, sha256, original):
            record: dict[str, Any] = {"bucket": bucket, "key": key, "version_id": version_id, "sha256": sha256}
            return {**record, "original": asdict(original)} if original else record
        case _:
            raise TypeError("an inline image has no record")


@dataclass(frozen=True, slots=True)
class Usable:
    """A picture as DashScope gets it. ``note`` says in words what was done to it; empty: it is as it came."""

    data: bytes
    media_type: str
    note: str = ""

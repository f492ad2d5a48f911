"""Reference images: where they are, and whether DashScope can use them.

Limits are those of reference-to-video (fact sheet §1.2): JPEG, PNG or WEBP by content, short side of 400 px or more,
20 MB at most.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import imagesize

from gallop.domain import catalogue
from gallop.errors import Fault


@dataclass(frozen=True, slots=True)
class LinkedImage:
    """An image at a public address, which DashScope fetches by itself."""

    url: str


@dataclass(frozen=True, slots=True)
class InlineImage:
    """An image that came inside the request."""

    data: bytes


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image in the inbox bucket; ``version_id`` and ``sha256`` are known once it has been read."""

    bucket: str
    key: str
    version_id: str = ""
    sha256: str = ""


Image = LinkedImage | InlineImage | StoredImage

MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


def format_of(data: bytes) -> str | None:
    """Name the format by content, as in ``MEDIA_TYPES``; None for everything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return None


def check(where: str, data: bytes) -> Fault | None:
    """Say what keeps DashScope from using these bytes as a reference image, if anything does."""
    if len(data) > catalogue.IMAGE_BYTES_AT_MOST:
        return too_large(where, len(data))
    if format_of(data) is None:
        return Fault(
            where, "is not a JPEG, PNG or WEBP image, whatever its name says", "Export it as JPEG or PNG and send that."
        )
    width, height = imagesize.get(io.BytesIO(data))
    if width <= 0 or height <= 0:
        return Fault(where, "is damaged: it does not say how large the picture is", "Export the picture again.")
    short = min(width, height)
    if short < catalogue.IMAGE_SHORT_SIDE_PIXELS:
        return Fault(
            where,
            f"is {width} x {height} px; its shorter side has {short} px, and {catalogue.IMAGE_SHORT_SIDE_PIXELS} "
            "are needed",
            f"Use a picture of at least {catalogue.IMAGE_SHORT_SIDE_PIXELS} px on its shorter side.",
        )
    return None


def too_large(where: str, size: int) -> Fault:
    """Refuse an image by its size in bytes."""
    limit = catalogue.IMAGE_BYTES_AT_MOST // 1024**2
    return Fault(where, f"has {size / 1024**2:.1f} MB; {limit} MB is the most", "Save it smaller, as JPEG for example.")


def sha256(data: bytes) -> str:
    """Name an image by its content."""
    return hashlib.sha256(data).hexdigest()

"""Images and videos as callers have them: a path, bytes, or an address."""

from __future__ import annotations

import hashlib
import io
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable

Source = str | bytes | os.PathLike[str]
"""A path, the bytes of a file, or an address: ``https://...``, ``upload_...``, ``s3://<inbox>/uploads/...``."""

_ADDRESS = re.compile(r"(https?|s3|data):|upload_[a-z2-7]{26}$", re.IGNORECASE)
_HEAD_BYTES = 16
_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
)
_BRANDS = {b"avif": "image/avif", b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heif"}


@dataclass(frozen=True, slots=True)
class Local:
    """A file on this machine, or bytes in memory: its size in bytes, its SHA-256, and its type by its first bytes."""

    name: str
    content: Path | bytes = field(repr=False)
    size: int
    sha256: str
    media_type: str

    def data(self) -> bytes:
        """Return all bytes."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()

    def open(self, report: Callable[[int], object]) -> BinaryIO:
        """Open it; ``report`` gets the number of bytes that were read so far, after each piece."""
        if isinstance(self.content, bytes):
            return _Memory(self.content, report)
        return _File(self.content, report)


def read(source: Source) -> str | Local:
    """Return an address as it is, and everything else with its hash.

    Raises:
        OSError: a file cannot be read.

    """
    if isinstance(source, bytes):
        return Local("bytes", source, len(source), hashlib.sha256(source).hexdigest(), _type_of(source[:_HEAD_BYTES]))
    if isinstance(source, str) and _ADDRESS.match(source):
        return source
    path = Path(source)
    with path.open("rb") as file:
        media_type = _type_of(file.read(_HEAD_BYTES))
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256")
        return Local(path.name, path, file.tell(), digest.hexdigest(), media_type)


def identity_of(source: str | Local) -> str:
    """Return what makes a source the same as another one: its address, or the hash of its bytes."""
    return f"url:{source}" if isinstance(source, str) else f"sha256:{source.sha256}"


def _type_of(head: bytes) -> str:
    for start, media_type in _MAGIC:
        if head.startswith(start):
            return media_type
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/quicktime" if head[8:12] == b"qt  " else "video/mp4")
    # QuickTime's oldest files have no ftyp box.
    return "video/quicktime" if head[4:8] in (b"moov", b"mdat", b"wide", b"free") else "application/octet-stream"


class _File(io.FileIO):
    def __init__(self, path: Path, report: Callable[[int], object]) -> None:
        super().__init__(path)
        self._report = report

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(-1 if size is None else size) or b""
        self._report(self.tell())
        return found


class _Memory(io.BytesIO):
    def __init__(self, data: bytes, report: Callable[[int], object]) -> None:
        super().__init__(data)
        self._report = report

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self._report(self.tell())
        return found

"""Find out whether decoding an image of a HEIC or AVIF file needs all its data, and no more.

Decoders take whatever they find where a part was overwritten, and seldom stop where the data ends. So each image is
decoded three times: as it is; with other bytes at its end, which must change its pixels; and with more bytes behind
that, which must not.
"""

from __future__ import annotations

import hashlib
import io
import struct
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from pi_heif import HeifImageFile
from PIL.AvifImagePlugin import AvifImageFile

from gallop.media.heif import MAX_UNITS, SLICES
from gallop.media.reading import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.media.heif import Coded
    from gallop.media.reading import TimedReader

ALTERED_BYTES = 32
_LEAST_BYTES = 256
_AV1 = b"av01"
_ROWS = 256
_MORE = bytes(range(1, 65))
_PADDING = b"\0\0\3"
_HAS_SIZE, _CONTINUES, _TILES = 2, 0x80, {4, 6}
# Of eight bytes.
_MAX_SHIFT = 49


class _Unit(NamedTuple):
    """A unit of an image's data, without its size."""

    head: bytes
    start: int
    end: int
    has_pixels: bool


def check(part: Coded, file: TimedReader) -> None:
    """Check the data of an image.

    Raises:
        DamagedError: it is not what the encoder wrote.
        OutOfTimeError: the check takes too long.

    """
    if len(part.content) < _LEAST_BYTES:
        return
    file.check()
    pixels = _pixels(part, part.content)
    file.check()
    try:
        altered, extended = _altered(part), _extended(part)
    except LookupError as error:
        raise DamagedError from error
    if _pixels(part, altered) == pixels:
        raise DamagedError
    file.check()
    if _pixels(part, extended) != pixels:
        raise DamagedError


def _altered(part: Coded) -> bytes:
    """Return an image with other bytes at the end of its pixels' data."""
    end = [unit for unit in _units(part) if unit.has_pixels][-1].end
    # Encoders of video may pad it.
    while part.content[end - 3 : end] == _PADDING:
        end -= 3
    altered = bytes(byte ^ 0x55 for byte in part.content[end - ALTERED_BYTES : end])
    return part.content[: end - ALTERED_BYTES] + altered + part.content[end:]


def _extended(part: Coded) -> bytes:
    """Return an image with more bytes behind the data of its pixels."""
    return b"".join(_written(part, unit) for unit in _units(part))


def _written(part: Coded, unit: _Unit) -> bytes:
    content = part.content[unit.start : unit.end] + (_MORE if unit.has_pixels else b"")
    size = len(content)
    if part.kind != _AV1:
        return size.to_bytes(part.size_bytes) + content
    sizes = b""
    while size >= _CONTINUES:
        sizes, size = sizes + bytes([size & ~-_CONTINUES | _CONTINUES]), size >> 7
    return unit.head + sizes + bytes([size]) + content


def _units(part: Coded) -> list[_Unit]:
    units = _units_of_av1(part.content) if part.kind == _AV1 else _units_of_hevc(part)
    found = list(islice(units, MAX_UNITS + 1))
    if len(found) > MAX_UNITS:
        raise LookupError
    return found


def _units_of_hevc(part: Coded) -> Iterator[_Unit]:
    place = 0
    while place < len(part.content):
        start = place + part.size_bytes
        place = start + int.from_bytes(part.content[place:start])
        yield _Unit(b"", start, place, part.content[start] >> 1 & 0x3F in SLICES)


def _units_of_av1(content: bytes) -> Iterator[_Unit]:
    place = 0
    while place < len(content):
        first, start = content[place], place + 1 + (content[place] >> 2 & 1)
        # A unit without a size reaches to the end.
        head = bytes([first | _HAS_SIZE]) + content[place + 1 : start]
        size, start = _leb128(content, start) if first & _HAS_SIZE else (len(content) - start, start)
        place = start + size
        yield _Unit(head, start, place, first >> 3 & 15 in _TILES)


def _leb128(content: bytes, place: int) -> tuple[int, int]:
    """Return a number of several bytes, and the place behind it."""
    number = shift = 0
    while content[place] & _CONTINUES:
        if shift > _MAX_SHIFT:
            raise LookupError
        number |= (content[place] & ~_CONTINUES) << shift
        place, shift = place + 1, shift + 7
    return number | content[place] << shift, place + 1


def _pixels(part: Coded, content: bytes) -> bytes:
    """Decode an image on its own; return what identifies its pixels, or nothing if it cannot be decoded."""
    reader = AvifImageFile if part.kind == _AV1 else HeifImageFile
    digest = hashlib.blake2b(digest_size=16)
    try:
        with reader(io.BytesIO(_file(part, content))) as image:
            image.load()
            for top in range(0, image.height, _ROWS):
                digest.update(image.crop((0, top, image.width, min(top + _ROWS, image.height))).tobytes())
    except (OSError, SyntaxError, ValueError, RuntimeError):
        return b""
    return digest.digest()


def _file(part: Coded, content: bytes) -> bytes:
    brand = b"avif" if part.kind == _AV1 else b"heic"
    count, place = 0, 0
    while place < len(part.properties):
        count, place = count + 1, place + int.from_bytes(part.properties[place : place + 4])
    # All are essential, which means that a reader must know them.
    links = bytes(0x80 | number for number in range(1, count + 1))
    head = b""
    for _ in range(2):
        # The second time, it is known where the image begins.
        place = len(head) + 8
        meta = _full(
            b"meta",
            _full(b"hdlr", bytes(4), b"pict", bytes(13)),
            _full(b"pitm", b"\0\1"),
            _full(b"iinf", b"\0\1", _full(b"infe", b"\0\1\0\0", part.kind, b"\0", version=2)),
            _full(b"iloc", b"\x44\0\0\1", struct.pack(">HHHII", 1, 0, 1, place, len(content))),
            _box(
                b"iprp",
                _box(b"ipco", part.properties),
                _full(b"ipma", struct.pack(">IHB", 1, 1, count), links),
            ),
        )
        head = _box(b"ftyp", brand, bytes(4), b"mif1", brand) + meta
    return head + _box(b"mdat", content)


def _box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", len(body) + 8, name) + body


def _full(name: bytes, *content: bytes, version: int = 0) -> bytes:
    return _box(name, struct.pack(">I", version << 24), *content)

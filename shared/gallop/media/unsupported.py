"""Name what keeps a whole BMP or TIFF from being decoded, so that it is not called damaged."""

from __future__ import annotations

import io
import struct
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

from gallop.media import jpeg, rows
from gallop.media.reading import DamagedError, TimedReader

if TYPE_CHECKING:
    from PIL.BmpImagePlugin import BmpImageFile

_BITS, _HEIGHT, _COMPRESSION, _ROWS, _PLANES, _TABLES = 258, 257, 259, 278, 284, 347
_WIDTH, _SAMPLES, _TILE_WIDTH, _TILE_HEIGHT = 256, 277, 322, 323
# Where the parts are, and their sizes: strips, then tiles.
_PLACES = ((273, 279), (324, 325))
_RAW, _JPEG = 1, 7
_BIG_TIFF, _BIG_HEADER, _HEADER = 43, 16, 8
_COMPRESSIONS = {
    6: "an old form of JPEG",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "a raw file's form of JPEG",
    50001: "WEBP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_BMP_HEAD = struct.Struct("<2x4x4xIIiiHHII")
_BMP_NAMES = {3: "unusual colour masks", 4: "JPEG data inside", 5: "PNG data inside", 6: "unusual colour masks"}
_BMP_DATA_INSIDE = (4, 5)
_BMP_DEPTHS = (1, 4, 8, 16, 24, 32)


def reason(data: bytes) -> str:
    """Name what is not supported in an image that could not be decoded; empty if that is not the reason."""
    with suppress(struct.error, SyntaxError, LookupError, TypeError, ValueError, OSError), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow, about truncated directories
        if data[:2] == b"BM":
            return _reason_in_bmp(data)
        if data[:2] in (b"II", b"MM"):
            return _reason_in_tiff(data)
    return ""


def _reason_in_bmp(data: bytes) -> str:
    start, _, width, height, _, depth, compression, size = _BMP_HEAD.unpack_from(data)
    if compression not in _BMP_DATA_INSIDE:
        size = (abs(width) * depth + 31) // 32 * 4 * abs(height)
    if start + size > len(data):
        return ""
    name = _BMP_NAMES.get(compression, "" if depth in _BMP_DEPTHS else f"{depth} bits per pixel")
    return f"is a BMP with {name}" if name else ""


def _reason_in_tiff(data: bytes) -> str:
    tags = _tags(data)
    compression = tags.get(_COMPRESSION)
    try:
        _check_places(tags, data)
    except DamagedError:
        return ""
    return f"is a TIFF compressed with {_COMPRESSIONS[compression]}" if compression in _COMPRESSIONS else ""


def _tags(data: bytes) -> ImageFileDirectory_v2:
    file = io.BytesIO(data)
    header = file.read(_HEADER)
    if _BIG_TIFF in header[2:4]:
        header += file.read(_BIG_HEADER - _HEADER)
    tags = ImageFileDirectory_v2(header)
    file.seek(tags.next)
    tags.load(file)
    return tags


def check_tiff(picture: TiffImageFile, data: bytes, file: TimedReader) -> None:
    """Check that a TIFF has all its strips or tiles: Pillow and libtiff leave some that are missing black or grey.

    Raises:
        DamagedError: some are missing.
        OutOfTimeError: the check takes too long.
        jpeg.TooManyScansError: one of them would take too long.

    """
    tags = picture.tag_v2
    parts = _check_places(tags, data)
    if tags.get(_COMPRESSION, _RAW) == _RAW:
        _check_rows(tags, data, parts, file)
    if tags.get(_COMPRESSION) == _JPEG:
        # The tables that all have in common end with a marker for the end, and each part begins with one for the start.
        tables = bytes(tags.get(_TABLES, b""))[:-2]
        for start, size in parts:
            part = data[start : start + size]
            jpeg.check(tables + part[2:] if tables else part, file)


def _check_rows(tags: ImageFileDirectory_v2, data: bytes, parts: list[tuple[int, int]], file: TimedReader) -> None:
    samples = tags.get(_SAMPLES, 1) if tags.get(_PLANES) != 2 else 1  # noqa: PLR2004 - one plane for each channel
    stride = (tags.get(_TILE_WIDTH, tags[_WIDTH]) * samples * tags.get(_BITS, (1,))[0] + 7) // 8
    pieces = [data[start : start + size] for start, size in parts]
    for pixels in pieces if _TILE_WIDTH in tags else [b"".join(pieces)]:
        rows.check(pixels, stride, file)


def check_bmp(picture: BmpImageFile, data: bytes, file: TimedReader) -> None:
    """Check that all rows of a BMP have been written, if they are not compressed.

    Raises:
        DamagedError: some have not.
        OutOfTimeError: the check takes too long.

    """
    for decoder, _, offset, arguments in picture.tile:
        if decoder == "raw" and isinstance(arguments, tuple):
            rows.check(data[offset : offset + arguments[1] * picture.height], arguments[1], file)


def _check_places(tags: ImageFileDirectory_v2, data: bytes) -> list[tuple[int, int]]:
    """Return the places and sizes of strips or tiles.

    Raises:
        DamagedError: they are too few, or some are outside the file.

    """
    for places, sizes in _PLACES:
        if places in tags:
            parts = list(zip(tags[places], tags.get(sizes, ()), strict=False))
            # Of these sizes some are too large in whole files; decoders need no more than the pixels.
            if len(tags[places]) < _parts(tags) or any(start >= len(data) for start in tags[places]):
                raise DamagedError
            return parts
    raise DamagedError


def _parts(tags: ImageFileDirectory_v2) -> int:
    """Count the strips or tiles that an image needs."""
    planes = tags.get(_SAMPLES, 1) if tags.get(_PLANES) == 2 else 1  # noqa: PLR2004 - one plane for each channel
    width, height = tags[_WIDTH], tags[_HEIGHT]
    if _TILE_WIDTH in tags:
        return int(-(-width // tags[_TILE_WIDTH]) * -(-height // tags[_TILE_HEIGHT]) * planes)
    return int(-(-height // min(tags.get(_ROWS, height), height)) * planes)

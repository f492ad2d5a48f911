"""Find out whether a JPEG has all its pixel data, and how much work its scans are.

libjpeg fills what is missing with grey and only warns, and Pillow passes no warnings on. But a decoder that has all it
needs ignores further bytes before a marker. So the image is decoded twice, the second time with more bytes before each
marker: if the pixels differ, data was missing there.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

from PIL import ImageChops
from PIL.JpegImagePlugin import JpegImageFile

from gallop.media.reading import DamagedError, TimedReader

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SCANS = 100
"""Encoders write at most 18, for four colours; each scan costs as much time as decoding the whole image."""
READ_BYTES = 2048
"""How much libjpeg gets at a time: between two such pieces the time is checked."""

_MARKER = re.compile(rb"\xff+([\x01-\xfe])")
_END_OF_SCAN = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_SOI, _EOI, _SOS, _DRI, _TEM = 0xD8, 0xD9, 0xDA, 0xDD, 0x01
_RESTARTS = range(0xD0, 0xD8)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE, _LOSSLESS, _ARITHMETIC = 0xC2, 0xC3, frozenset(range(0xC9, 0xD0))
_PROGRESSIVES = frozenset({_PROGRESSIVE, 0xCA})
_COEFFICIENTS = 64
_BLOCK = 8
# More data than any block takes, and a little for restart intervals, of which there may be a million.
_PADDING = bytes(byte % 255 for byte in random.Random(4).randbytes(64))  # noqa: S311 - any bytes but 0xFF will do
_INTERVAL_PADDING = _PADDING[:8]
# Beyond these sizes, the comparison is made on a reduced image.
_MAX_COMPARED = 12_500_000
_EIGHTH, _HALF = 8, 2


class TooManyScansError(Exception):
    """Decoding would take many times as long as that of any ordinary JPEG."""


@dataclass(slots=True)
class _Component:
    horizontal: int
    vertical: int
    # Bits of each coefficient that are still to come; None before its first scan.
    missing: list[int | None] = field(default_factory=lambda: [None] * _COEFFICIENTS)


@dataclass(slots=True)
class _Frame:
    kind: int = 0
    width: int = 0
    height: int = 0
    components: dict[int, _Component] = field(default_factory=dict)

    def mcus(self, names: bytes) -> int:
        """Count the units of a scan: a restart interval is a number of them."""
        most_h = max(component.horizontal for component in self.components.values())
        most_v = max(component.vertical for component in self.components.values())
        block = 1 if self.kind == _LOSSLESS else _BLOCK
        across, down = self.width, self.height
        if len(names) > 1:
            return _up(across, block * most_h) * _up(down, block * most_v)
        only = self.components[names[0]]
        return _up(_up(across * only.horizontal, most_h), block) * _up(_up(down * only.vertical, most_v), block)

    @property
    def is_complete(self) -> bool:
        """Whether scans have brought every bit of every coefficient."""
        needed = range(_COEFFICIENTS) if self.kind in _PROGRESSIVES else range(1)
        return bool(self.components) and all(
            component.missing[place] == 0 for component, place in product(self.components.values(), needed)
        )


def check(data: bytes, file: TimedReader) -> None:
    """Check the pixel data of the first image in a JPEG file; ``file`` keeps the time.

    Raises:
        DamagedError: some is missing.
        TooManyScansError: it has more scans than any encoder writes.
        OutOfTimeError: the check takes too long.

    """
    frame, padded = _Frame(), bytearray()
    try:
        for piece in _padded(data, frame, file):
            padded += piece
    except (LookupError, ZeroDivisionError, ValueError) as error:
        raise DamagedError from error
    if not frame.is_complete:
        raise DamagedError
    # An arithmetic coder may leave out zeros at the end: more bytes would change the pixels of a whole image.
    if _differ(frame, data, data if frame.kind in _ARITHMETIC else bytes(padded), file):
        raise DamagedError


def _padded(data: bytes, frame: _Frame, file: TimedReader) -> Iterator[bytes]:
    """Yield the first image of a file up to its final marker, with more bytes before each marker in its scans."""
    place = scans = interval = 0
    while True:
        start = place
        marker = _next(_MARKER, data, place)
        place, kind = marker.end(), data[marker.end() - 1]
        if kind == _EOI:
            yield data[start:place]
            return
        if kind in (_SOI, _TEM) or kind in _RESTARTS:
            yield data[start:place]
            continue
        file.check()
        segment = data[place + 2 : place + int.from_bytes(data[place : place + 2])]
        place += 2 + len(segment)
        yield data[start:place]
        if kind == _DRI:
            interval = int.from_bytes(segment[:2])
        elif kind in _FRAMES:
            _read_frame(frame, kind, segment)
        elif kind == _SOS:
            scans += 1
            if scans > MAX_SCANS:
                raise TooManyScansError
            names = _read_scan(frame, segment)
            end = _next(_END_OF_SCAN, data, place).start()
            entropy, restarts = _RESTART.subn(_INTERVAL_PADDING + rb"\g<0>", data[place:end])
            if interval and restarts < _up(frame.mcus(names), interval) - 1:
                raise DamagedError
            yield entropy + _PADDING
            place = end


def _next(pattern: re.Pattern[bytes], data: bytes, place: int) -> re.Match[bytes]:
    found = pattern.search(data, place)
    if found is None:
        raise DamagedError
    return found


def _read_frame(frame: _Frame, kind: int, segment: bytes) -> None:
    frame.kind = kind
    frame.height, frame.width = int.from_bytes(segment[1:3]), int.from_bytes(segment[3:5])
    for at in range(6, 6 + 3 * segment[5], 3):
        frame.components[segment[at]] = _Component(segment[at + 1] >> 4, segment[at + 1] & 15)


def _read_scan(frame: _Frame, segment: bytes) -> bytes:
    """Note what a scan brings; return the names of its components."""
    count = segment[0]
    names = segment[1 : 1 + 2 * count : 2]
    first, last, bits = segment[1 + 2 * count : 4 + 2 * count]
    if frame.kind not in _PROGRESSIVES:
        first, last, bits = 0, 0, 0
    for name, place in product(names, range(first, last + 1)):
        frame.components[name].missing[place] = bits & 15
    return names


def _differ(frame: _Frame, data: bytes, padded: bytes, file: TimedReader) -> bool:
    scale = 1
    if frame.width * frame.height > _MAX_COMPARED:
        # An eighth shows the first coefficient of each block only, which is enough where a scan brings them all.
        scale = _HALF if frame.kind in _PROGRESSIVES else _EIGHTH
    with _decoded(data, scale, file) as plain, _decoded(padded, scale, file) as other:
        return ImageChops.difference(plain, other).getbbox() is not None


def _decoded(data: bytes, scale: int, file: TimedReader) -> JpegImageFile:
    image = JpegImageFile(TimedReader(data, until=file.end))
    image.decodermaxblock = READ_BYTES
    if scale > 1:
        image.draft(None, (max(1, image.width // scale), max(1, image.height // scale)))
    image.load()
    return image


def _up(amount: int, part: int) -> int:
    return -(-amount // part)

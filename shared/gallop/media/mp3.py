"""The length of an MP3 file, counted frame by frame (ISO/IEC 11172-3 §2.4.1, 13818-3).

No model takes sound yet (see ``inspect_sound``).
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

from gallop.media import boxes
from gallop.media.boxes import BrokenError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID3_HEADER = 10
# Thousands of bits per second of layer III: of MPEG 1, then of MPEG 2 and 2.5.
_BITS = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_MPEG_1, _LAYER_3 = 3, 1
# Three quarters of an hour: longer than any limit.
MAX_FRAMES = 100_000
# Some programs leave gaps.
_MAX_GAP_BYTES = 4096


def is_mp3(head: bytes) -> bool:
    """Return whether a file begins like an MP3 file."""
    return head.startswith(b"ID3") or _frame(head[:4]) is not None


def seconds(file: BinaryIO, size: int) -> Fraction:
    """Return the length; the file is read once, as a stream.

    Raises:
        BrokenError: it has no frames of layer III.

    """
    total = Fraction(0)
    frames = 0
    for length in _frames(file, _start(file), size):
        total += length
        frames += 1
        if frames >= MAX_FRAMES:
            break
    if not frames:
        raise BrokenError("it has no MP3 frames")
    return total


def _start(file: BinaryIO) -> int:
    header = boxes.read(file, 0, _ID3_HEADER)
    if header[:3] != b"ID3":
        return 0
    size = 0
    for byte in header[6:]:
        size = size << 7 | byte & 0x7F
    return _ID3_HEADER + size


def _frames(file: BinaryIO, place: int, size: int) -> Iterator[Fraction]:
    gap = 0
    while place + 4 <= size and gap <= _MAX_GAP_BYTES:
        found = _frame(boxes.read(file, place, 4))
        if found is None:
            place, gap = place + 1, gap + 1
            continue
        place, gap = place + found[0], 0
        yield found[1]


def _frame(header: bytes) -> tuple[int, Fraction] | None:
    """Return the bytes and seconds of a frame, by its header."""
    value = int.from_bytes(header, "big")
    version, layer, bits, rate = value >> 19 & 3, value >> 17 & 3, value >> 12 & 15, value >> 10 & 3
    if len(header) < 4 or value >> 21 != 0x7FF or layer != _LAYER_3:  # noqa: PLR2004 - bytes and bits of a header
        return None
    is_first = version == _MPEG_1
    if version not in _RATES or rate >= len(_RATES[version]) or not 0 < bits < len(_BITS[0]):
        return None
    hertz, samples = _RATES[version][rate], 1152 if is_first else 576
    padding = value >> 9 & 1
    return samples // 8 * 1000 * _BITS[not is_first][bits] // hertz + padding, Fraction(samples, hertz)

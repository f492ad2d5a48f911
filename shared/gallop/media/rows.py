"""Find out whether a part of uncompressed pixels was never written: it is all zeros, or all ones.

Black and white areas look the same, but they do not begin and end in the middle of a row without regard to what is
above and below.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gallop.media.reading import DamagedError

if TYPE_CHECKING:
    from gallop.media.reading import TimedReader

_LEAST_ROWS = 2
_LEAST_PART = 24
# A hole that reaches to the end has at least this part of the image.
_LEAST_SHARE = 32
# How many bytes of a row beside a hole may be like the hole.
_MOST_LIKE = 0.02
_RUN = re.compile(rb"\0{512,}|\xff{512,}")


def check(pixels: bytes, stride: int, file: TimedReader) -> None:
    """Check the rows of an image, of which each has ``stride`` bytes.

    Raises:
        DamagedError: a part of them was never written.
        OutOfTimeError: the check takes too long.

    """
    for run in _RUN.finditer(pixels):
        file.check()
        if run.end() - run.start() >= _LEAST_ROWS * stride and _is_hole(pixels, stride, run.start(), run.end()):
            raise DamagedError


def _is_hole(pixels: bytes, stride: int, start: int, end: int) -> bool:
    """Return whether equal bytes begin within a row, and end so, unless they reach to the end of the image."""
    fill = pixels[start : start + 1]
    above = pixels[start - start % stride - stride : start - start % stride] if start >= stride else b""
    begins = _is_cut(above, pixels[start - start % stride : start], fill)
    if not begins:
        return False
    if end >= len(pixels) - _LEAST_PART:
        # A slightly tilted image in a frame looks so, too, and has the other side of the frame at its beginning.
        is_framed = pixels[:stride].count(fill) > _MOST_LIKE * stride
        return not is_framed and (end - start) * _LEAST_SHARE >= len(pixels)
    row = end - end % stride
    below = pixels[row + stride : row + 2 * stride]
    return _is_cut(below[::-1], pixels[end : row + stride][::-1], fill)


def _is_cut(beside: bytes, part: bytes, fill: bytes) -> bool:
    """Return whether a row is unlike the hole, and of the next one only the beginning, ``part``, was written."""
    rest, last = beside[len(part) :], part[-_LEAST_PART:]
    if len(part) < _LEAST_PART or len(rest) < _LEAST_PART:
        return False
    if any(row.count(fill) > _MOST_LIKE * len(row) for row in (part, rest)):
        return False
    # A smooth edge fades into what is beside it, and a hole begins at once.
    return 2 * _contrast(last, fill) >= _contrast(beside[len(part) - _LEAST_PART : len(part)], fill)


def _contrast(row: bytes, fill: bytes) -> int:
    return sum(abs(byte - fill[0]) for byte in row)

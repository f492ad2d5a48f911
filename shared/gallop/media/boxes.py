"""The boxes of an MP4 or QuickTime file, read by their headers only (ISO/IEC 14496-12 §4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER, _LONG_HEADER = 8, 16
# Cameras write fewer than ten. Each may cost a request.
MAX_SIBLINGS = 64
# Each sample table of an hour has less.
MAX_PAYLOAD_BYTES = 1024**2


class BrokenError(Exception):
    """The boxes are not a whole file: the text says why."""


@frozen
class Box:
    """A box: its kind, and the places of its payload's first byte and of the byte behind it."""

    kind: bytes
    start: int
    end: int


def outer(file: BinaryIO, size: int) -> Iterator[Box]:
    """Yield the boxes of a whole file of ``size`` bytes, in order.

    Raises:
        BrokenError: one ends beyond the file, or they are too many.

    """
    # Looking for the end would drop what a reader of ranges has in its buffer.
    yield from _boxes(file, 0, size)


def inside(file: BinaryIO, parent: Box, skip: int = 0) -> Iterator[Box]:
    """Yield the boxes inside another, after ``skip`` bytes.

    Raises:
        BrokenError: one ends beyond it, or they are too many.

    """
    yield from _boxes(file, parent.start + skip, parent.end)


def first(file: BinaryIO, parent: Box, *path: bytes) -> Box | None:
    """Return the first box at a path of kinds, or None."""
    for kind in path:
        found = next((box for box in inside(file, parent) if box.kind == kind), None)
        if found is None:
            return None
        parent = found
    return parent


def payload(file: BinaryIO, box: Box, limit: int = MAX_PAYLOAD_BYTES) -> bytes:
    """Read what is in a box.

    Raises:
        BrokenError: it is larger than ``limit``, or the file ends inside it.

    """
    size = box.end - box.start
    if size > limit:
        raise BrokenError(f"its index is too large ({size / 1024**2:.1f} MB)")
    return read(file, box.start, size)


def read(file: BinaryIO, place: int, size: int) -> bytes:
    """Read bytes from a place.

    Raises:
        BrokenError: the file ends before the last one.

    """
    file.seek(place)
    data = file.read(size)
    if len(data) < size:
        raise BrokenError("it ends too early")
    return data


def _boxes(file: BinaryIO, place: int, end: int) -> Iterator[Box]:
    for _ in range(MAX_SIBLINGS):
        # QuickTime ends some lists with four zero bytes.
        if place + _HEADER > end:
            return
        box = _box(file, place, end)
        if box.end > end:
            raise BrokenError("it ends too early")
        yield box
        place = box.end
    if place + _HEADER <= end:
        raise BrokenError("it has too many parts")


def _box(file: BinaryIO, place: int, end: int) -> Box:
    header = read(file, place, _HEADER)
    size, kind, start = int.from_bytes(header[:4], "big"), header[4:], place + _HEADER
    if size == 1:
        size, start = int.from_bytes(read(file, start, 8), "big"), place + _LONG_HEADER
    elif size == 0:  # it is the last one
        size = end - place
    if place + size < start:
        raise BrokenError("its parts have impossible sizes")
    return Box(kind, start, place + size)

"""The sample tables of a track: where its frames are, and how many bytes each has (ISO/IEC 14496-12 §8.6)."""

from __future__ import annotations

import struct
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, BinaryIO

from gallop.media import boxes
from gallop.media.boxes import Box, BrokenError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Of one chunk; a table of their sizes has 1 MB.
MAX_SAMPLES = 262_144
# Of all that are decoded; a key frame of 4K has 4 MB at most.
MAX_DECODED_BYTES = 16 * 1024**2


def samples_from(file: BinaryIO, table: Box, count: int) -> Iterator[bytes]:
    """Yield samples of a track, in the order of decoding, from the first one at which decoding can start.

    Raises:
        BrokenError: the file does not have them.

    """
    begin = _first_sync(file, table)
    sizes, left = _Sizes(file, table), MAX_DECODED_BYTES
    for number, place in _places(file, table, begin, count):
        size = sizes.of(number)
        left -= size
        if left < 0:
            raise BrokenError("its first frames are too large")
        yield boxes.read(file, place, size)


def data_end(file: BinaryIO, table: Box, samples: int) -> int:
    """Return the place behind the last chunk."""
    places, counts = _chunks(file, table)
    sizes, before = _Sizes(file, table), list(accumulate(counts))
    last = max(range(len(places)), key=places.__getitem__)
    # PCM counts each value as a sample of one byte, and says its size elsewhere: there, only the place is known.
    if before[-1] != samples or sizes.count != samples:
        return places[last]
    return places[last] + sizes.together(before[last] - counts[last], counts[last])


class _Sizes:
    """The sizes of samples: all alike, or a table that is read where it is needed."""

    def __init__(self, file: BinaryIO, table: Box) -> None:
        box = boxes.first(file, table, b"stsz")
        if box is None:
            raise BrokenError("its index is incomplete")
        self._file, self._box = file, box
        self._all: int
        self.count: int
        _, self._all, self.count = struct.unpack(">III", boxes.read(file, box.start, 12))
        if not self._all and box.start + 12 + 4 * self.count > box.end:
            raise BrokenError("its index is incomplete")

    def of(self, number: int) -> int:
        return self.together(number, 1)

    def together(self, begin: int, count: int) -> int:
        """Return the bytes of some samples; the first sample is 0."""
        if self._all:
            return self._all * count
        place = self._box.start + 12 + 4 * begin
        if place + 4 * count > self._box.end or count > MAX_SAMPLES:
            raise BrokenError("its index contradicts itself")
        return sum(struct.unpack(f">{count}I", boxes.read(self._file, place, 4 * count)))


def _offsets(file: BinaryIO, table: Box) -> list[int]:
    if short := payload_of(file, table, b"stco"):
        return [place for (place,) in rows_of(short, ">I")]
    return [place for (place,) in rows_of(payload_of(file, table, b"co64"), ">Q")]


def _chunks(file: BinaryIO, table: Box) -> tuple[list[int], list[int]]:
    """Return the places of a track's chunks, and how many samples are in each."""
    places = _offsets(file, table)
    rows = rows_of(payload_of(file, table, b"stsc"), ">III")
    starts = [first for first, *_ in rows]
    if not places or not rows or starts[0] != 1 or any(one >= other for one, other in pairwise(starts)):
        raise BrokenError("its index contradicts itself")
    counts: list[int] = []
    for (first, count, _), end in zip(rows, [*starts[1:], len(places) + 1], strict=True):
        counts += [count] * (min(end, len(places) + 1) - first)
    return places, counts


def _first_sync(file: BinaryIO, table: Box) -> int:
    """Return the number of the first sample at which decoding can start."""
    numbers = payload_of(file, table, b"stss")
    rows = rows_of(numbers, ">I") if numbers else []
    return rows[0][0] - 1 if rows else 0


def _places(file: BinaryIO, table: Box, begin: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield number and place of ``count`` samples."""
    chunks, counts = _chunks(file, table)
    sizes, number = _Sizes(file, table), 0
    for chunk, many in zip(chunks, counts, strict=True):
        if number + many > begin:
            yield from _in_chunk(sizes, chunk, range(number, min(number + many, begin + count)), begin)
        number += many
        if number >= begin + count:
            return


def _in_chunk(sizes: _Sizes, place: int, numbers: Sequence[int], begin: int) -> Iterator[tuple[int, int]]:
    skipped = max(0, begin - numbers[0])
    place += sizes.together(numbers[0], skipped)
    for number in numbers[skipped:]:
        yield number, place
        place += sizes.of(number)


def rows_of(table: bytes, form: str) -> list[tuple[int, ...]]:
    """Return the rows of a table, behind its version and their number.

    Raises:
        BrokenError: there are fewer than it says.

    """
    count, size = number_at(table, 4), struct.calcsize(form)
    if len(table) < 8 + count * size:
        raise BrokenError("its index is incomplete")
    return list(struct.iter_unpack(form, table[8 : 8 + count * size]))


def payload_of(file: BinaryIO, parent: Box, *path: bytes) -> bytes:
    """Return what is in the first box at a path of kinds; nothing if there is no such box."""
    box = boxes.first(file, parent, *path)
    return b"" if box is None else boxes.payload(file, box)


def number_at(data: bytes, place: int, size: int = 4) -> int:
    """Return a number.

    Raises:
        BrokenError: the data end before it.

    """
    if len(data) < place + size:
        raise BrokenError("its index is incomplete")
    return int.from_bytes(data[place : place + size], "big")

"""The tracks of an MP4 or QuickTime file: what its index says of them (ISO/IEC 14496-12 §8)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
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
_ENABLED = 1
# What all sample entries of videos begin with; boxes follow.
_VISUAL = 78
_SETUP, _MAX_SETUP_BYTES = (b"avcC", b"hvcC", b"pasp"), 64 * 1024


@dataclass(frozen=True, slots=True)
class Track:
    """A track with its codec, as it is displayed: its sides in pixels, after rotation, and its seconds.

    ``media_seconds`` includes what an edit list leaves out; ``stored_sides`` are those of a frame in the file.
    ``data_end`` is the place behind its last byte.
    """

    handler: bytes
    codec: bytes
    width: int
    height: int
    stored_sides: tuple[int, int]
    seconds: Fraction
    media_seconds: Fraction
    samples: int
    data_end: int
    is_enabled: bool
    setup: dict[bytes, bytes]
    table: Box


def of_movie(file: BinaryIO, moov: Box) -> list[Track]:
    """Read the tracks of pictures and sounds.

    Raises:
        BrokenError: the index is incomplete, contradicts itself, or is too large.

    """
    scale = _scale(file, moov, b"mvhd")
    every = (_track(file, box, scale) for box in boxes.inside(file, moov) if box.kind == b"trak")
    return [track for track in every if track is not None]


def samples_from(file: BinaryIO, track: Track, count: int) -> Iterator[bytes]:
    """Yield samples of a track, in the order of decoding, from the first one at which decoding can start.

    Raises:
        BrokenError: the file does not have them.

    """
    begin = _first_sync(file, track)
    sizes, left = _Sizes(file, track.table), MAX_DECODED_BYTES
    for number, place in _places(file, track, begin, count):
        size = sizes.of(number)
        left -= size
        if left < 0:
            raise BrokenError("its first frames are too large")
        yield boxes.read(file, place, size)


def _track(file: BinaryIO, trak: Box, movie_scale: int) -> Track | None:
    media, table = boxes.first(file, trak, b"mdia"), boxes.first(file, trak, b"mdia", b"minf", b"stbl")
    handler = _payload_of(file, media, b"hdlr")[8:12] if media else b""
    if media is None or table is None or handler not in (b"vide", b"soun"):
        return None
    scale = _scale(file, media, b"mdhd")
    header = _payload_of(file, trak, b"tkhd")
    if not scale or not header:
        raise BrokenError("its index is incomplete")
    samples, ticks = _length(file, table)
    if not samples:
        return None
    lasts = Fraction(ticks, scale)
    codec, stored, setup = _entry(file, table, is_visual=handler == b"vide")
    width, height = _displayed(stored, setup, header)
    return Track(
        handler=handler,
        codec=codec,
        width=width,
        height=height,
        stored_sides=stored,
        seconds=_shown(file, trak, movie_scale, lasts),
        media_seconds=lasts,
        samples=samples,
        data_end=_data_end(file, table, samples),
        is_enabled=bool(header[3] & _ENABLED),
        setup=setup,
        table=table,
    )


def _payload_of(file: BinaryIO, parent: Box, *path: bytes) -> bytes:
    box = boxes.first(file, parent, *path)
    return b"" if box is None else boxes.payload(file, box)


def _scale(file: BinaryIO, parent: Box, kind: bytes) -> int:
    """Return the ticks per second of a movie or a track."""
    header = _payload_of(file, parent, kind)
    return _number(header, 20 if header[:1] == b"\1" else 12)


def _number(data: bytes, place: int, size: int = 4) -> int:
    if len(data) < place + size:
        raise BrokenError("its index is incomplete")
    return int.from_bytes(data[place : place + size], "big")


def _displayed(stored: tuple[int, int], setup: dict[bytes, bytes], header: bytes) -> tuple[int, int]:
    """Return the sides of square pixels, after rotation by a track's matrix."""
    width, height = stored
    across, down = struct.unpack(">II", setup.get(b"pasp", b"")[:8].ljust(8, b"\0"))
    if across and down:
        width = round(Fraction(width * across, down))
    start = 52 if header[:1] == b"\1" else 40
    a, b = struct.unpack_from(">ii", header.ljust(start + 8, b"\0"), start)
    return (width, height) if abs(a) >= abs(b) else (height, width)


def _entry(file: BinaryIO, table: Box, *, is_visual: bool) -> tuple[bytes, tuple[int, int], dict[bytes, bytes]]:
    """Return codec, sides, and the boxes that describe the codec and the shape of a pixel."""
    description = boxes.first(file, table, b"stsd")
    entry = next(boxes.inside(file, description, skip=8), None) if description else None
    if entry is None:
        raise BrokenError("its index is incomplete")
    if not is_visual:
        return entry.kind, (0, 0), {}
    head = boxes.read(file, entry.start, min(_VISUAL, entry.end - entry.start))
    inner = boxes.inside(file, entry, skip=_VISUAL)
    setup = {box.kind: boxes.payload(file, box, _MAX_SETUP_BYTES) for box in inner if box.kind in _SETUP}
    return entry.kind, (_number(head, 24, 2), _number(head, 26, 2)), setup


def _length(file: BinaryIO, table: Box) -> tuple[int, int]:
    """Return the number of samples and their ticks."""
    rows = _rows(_payload_of(file, table, b"stts"), ">II")
    return sum(count for count, _ in rows), sum(count * ticks for count, ticks in rows)


def _rows(table: bytes, form: str) -> list[tuple[int, ...]]:
    count, size = _number(table, 4), struct.calcsize(form)
    if len(table) < 8 + count * size:
        raise BrokenError("its index is incomplete")
    return list(struct.iter_unpack(form, table[8 : 8 + count * size]))


def _shown(file: BinaryIO, trak: Box, scale: int, lasts: Fraction) -> Fraction:
    """Return the seconds that are displayed, without what an edit list leaves out."""
    table = _payload_of(file, trak, b"edts", b"elst")
    if not table or not scale:
        return lasts
    rows = _rows(table, ">Qqi" if table[:1] == b"\1" else ">Iii")
    edits = [ticks for ticks, start, _ in rows if start >= 0]
    return Fraction(sum(edits), scale) if sum(edits) else lasts


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
    if short := _payload_of(file, table, b"stco"):
        return [place for (place,) in _rows(short, ">I")]
    return [place for (place,) in _rows(_payload_of(file, table, b"co64"), ">Q")]


def _chunks(file: BinaryIO, table: Box) -> tuple[list[int], list[int]]:
    """Return the places of a track's chunks, and how many samples are in each."""
    places = _offsets(file, table)
    rows = _rows(_payload_of(file, table, b"stsc"), ">III")
    starts = [first for first, *_ in rows]
    if not places or not rows or starts[0] != 1 or any(one >= other for one, other in pairwise(starts)):
        raise BrokenError("its index contradicts itself")
    counts: list[int] = []
    for (first, count, _), end in zip(rows, [*starts[1:], len(places) + 1], strict=True):
        counts += [count] * (min(end, len(places) + 1) - first)
    return places, counts


def _data_end(file: BinaryIO, table: Box, samples: int) -> int:
    """Return the place behind the last chunk."""
    places, counts = _chunks(file, table)
    sizes, before = _Sizes(file, table), list(accumulate(counts))
    last = max(range(len(places)), key=places.__getitem__)
    # PCM counts each value as a sample of one byte, and says its size elsewhere: there, only the place is known.
    if before[-1] != samples or sizes.count != samples:
        return places[last]
    return places[last] + sizes.together(before[last] - counts[last], counts[last])


def _first_sync(file: BinaryIO, track: Track) -> int:
    """Return the number of the first sample at which decoding can start."""
    table = _payload_of(file, track.table, b"stss")
    numbers = _rows(table, ">I") if table else []
    return numbers[0][0] - 1 if numbers else 0


def _places(file: BinaryIO, track: Track, begin: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield number and place of ``count`` samples."""
    chunks, counts = _chunks(file, track.table)
    sizes, number = _Sizes(file, track.table), 0
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

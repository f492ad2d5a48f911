"""The tracks of an MP4 or QuickTime file: what its index says of them (ISO/IEC 14496-12 §8)."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import BinaryIO

from gallop.domain.frozen import frozen
from gallop.media import boxes, edits, samples
from gallop.media.boxes import Box, BrokenError

_ENABLED = 1
# What all sample entries of videos begin with; boxes follow.
_VISUAL = 78
_SETUP, _MAX_SETUP_BYTES = (b"avcC", b"hvcC", b"pasp"), 64 * 1024


@frozen
class Track:
    """A track with its codec, as it is displayed: its sides in pixels, after rotation, and its seconds.

    ``media_seconds`` includes what an edit list leaves out, and ``is_trim`` says whether it does nothing else.
    ``longest_seconds`` is the longest that a program may take for the length of the track or of its movie.
    ``stored_sides`` are those of a frame in the file; ``data_end`` is the place behind its last byte.
    """

    handler: bytes
    codec: bytes
    width: int
    height: int
    stored_sides: tuple[int, int]
    seconds: Fraction
    media_seconds: Fraction
    longest_seconds: Fraction
    is_trim: bool
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
    scale, seconds = _movie(file, moov)
    every = (_track(file, box, scale, seconds) for box in boxes.inside(file, moov) if box.kind == b"trak")
    return [track for track in every if track is not None]


def _track(file: BinaryIO, trak: Box, movie_scale: int, movie_seconds: Fraction) -> Track | None:
    media, table = boxes.first(file, trak, b"mdia"), boxes.first(file, trak, b"mdia", b"minf", b"stbl")
    handler = samples.payload_of(file, media, b"hdlr")[8:12] if media else b""
    if media is None or table is None or handler not in (b"vide", b"soun"):
        return None
    scale = _scale(file, media, b"mdhd")
    header = samples.payload_of(file, trak, b"tkhd")
    if not scale or not header:
        raise BrokenError("its index is incomplete")
    count, ticks = _length(file, table)
    if not count:
        return None
    lasts = Fraction(ticks, scale)
    codec, stored, setup = _entry(file, table, is_visual=handler == b"vide")
    width, height = _displayed(stored, setup, header)
    shown = edits.of_track(file, trak, movie_scale, scale, (lasts, count))
    return Track(
        handler=handler,
        codec=codec,
        width=width,
        height=height,
        stored_sides=stored,
        seconds=shown.seconds,
        media_seconds=lasts,
        longest_seconds=max(shown.seconds, shown.end, lasts, movie_seconds),
        is_trim=shown.is_trim,
        samples=count,
        data_end=samples.data_end(file, table, count),
        is_enabled=bool(samples.number_at(header, 0) & _ENABLED),
        setup=setup,
        table=table,
    )


def _movie(file: BinaryIO, moov: Box) -> tuple[int, Fraction]:
    """Return the ticks per second of a movie, and its seconds by its header; 0 if that does not know them."""
    scale, header = _scale(file, moov, b"mvhd"), samples.payload_of(file, moov, b"mvhd")
    place, size = (24, 8) if header[:1] == b"\1" else (16, 4)
    ticks = samples.number_at(header, place, size)
    return scale, Fraction(ticks, scale) if scale and ticks != _unknown(size) else Fraction()


def _unknown(size: int) -> int:
    """Return the length that says that there is none: all bits are ones."""
    return (1 << 8 * size) - 1


def _scale(file: BinaryIO, parent: Box, kind: bytes) -> int:
    """Return the ticks per second of a movie or a track."""
    header = samples.payload_of(file, parent, kind)
    return samples.number_at(header, 20 if header[:1] == b"\1" else 12)


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
    return entry.kind, (samples.number_at(head, 24, 2), samples.number_at(head, 26, 2)), setup


def _length(file: BinaryIO, table: Box) -> tuple[int, int]:
    """Return the number of samples and their ticks."""
    rows = samples.rows_of(samples.payload_of(file, table, b"stts"), ">II")
    return sum(count for count, _ in rows), sum(count * ticks for count, ticks in rows)

"""The edit list of a track: which part of its media is shown, and when (ISO/IEC 14496-12 §8.6.6)."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

from gallop.domain.frozen import frozen
from gallop.media import boxes, samples

if TYPE_CHECKING:
    from gallop.media.boxes import Box

# Of an edit in 65,536ths; one of rate 0 shows a single image for its length.
_NORMAL_RATES = (65_536, 0)


@frozen
class Edits:
    """The seconds that are shown, and when they end: later, if the list begins with a pause.

    ``is_trim`` is whether they are a part of the media, each picture at most once and at its own speed.
    """

    seconds: Fraction
    end: Fraction
    is_trim: bool


def of_track(file: BinaryIO, trak: Box, movie_scale: int, media_scale: int, stored: tuple[Fraction, int]) -> Edits:
    """Read the edit list of a track; ``stored`` are the seconds and samples of its media. Without a list, all is shown.

    The scales are ticks per second.
    """
    lasts, count = stored
    table = samples.payload_of(file, trak, b"edts", b"elst")
    rows = samples.rows_of(table, ">Qqi" if table[:1] == b"\1" else ">Iii") if table and movie_scale else []
    shown = [(Fraction(ticks, movie_scale), start, rate) for ticks, start, rate in rows if start >= 0]
    seconds = sum((length for length, *_ in shown), Fraction())
    if not seconds:
        return Edits(lasts, lasts, is_trim=True)
    # The last picture may be shown a little longer.
    most = lasts + lasts / count
    begin = Fraction(_first_offset(file, trak), media_scale)
    ends = [Fraction(start, media_scale) + (length if rate else 0) for length, start, rate in shown]
    is_trim = seconds <= most and max(ends) <= begin + most and all(rate in _NORMAL_RATES for *_, rate in shown)
    return Edits(seconds, Fraction(sum(ticks for ticks, *_ in rows), movie_scale), is_trim)


def _first_offset(file: BinaryIO, trak: Box) -> int:
    """Return by how much the first picture is shown after it is decoded, in ticks."""
    table = boxes.first(file, trak, b"mdia", b"minf", b"stbl", b"ctts")
    if table is None or table.end - table.start < 16:  # noqa: PLR2004 - a head and a row
        return 0
    return max(0, int.from_bytes(boxes.read(file, table.start + 12, 4), "big", signed=True))

"""Find out whether a PNG is complete, and read past texts that Pillow finds too long."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from PIL import PngImagePlugin

from gallop.media.colours import Nclx
from gallop.media.reading import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.media.reading import TimedReader

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT_BYTES = 16 * 1024**2
"""For one text or colour profile; the largest profiles in use have 3 MB."""
# Pillow refuses the whole image from 1 MB on.
PngImagePlugin.MAX_TEXT_CHUNK = MAX_TEXT_BYTES

_TEXTS = {b"tEXt", b"zTXt", b"iTXt", b"iCCP"}
_CHUNK = struct.Struct(">I4s")
_CHECKSUM_BYTES = 4
_HEADER = struct.Struct(">IIBBBBB")
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Of Adam7: first column and row, and the distances to the next.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_AT_ONCE = 1024**2


class Chunk(NamedTuple):
    """A chunk by its name and place: it starts with its length, and ends with its checksum."""

    name: bytes
    start: int
    end: int

    def content(self, data: bytes) -> bytes:
        """Return what is between name and checksum."""
        return data[self.start + _CHUNK.size : self.end - _CHECKSUM_BYTES]


def chunks(data: bytes, file: TimedReader) -> Iterator[Chunk]:
    """Yield the chunks of a PNG, of which each is complete; ``file`` keeps the time.

    Raises:
        DamagedError: the file ends early, or a checksum is wrong.
        OutOfTimeError: there are too many chunks.

    """
    place, name, view = len(SIGNATURE), b"", memoryview(data)
    while name != b"IEND":
        file.check()
        if place + _CHUNK.size > len(data):
            raise DamagedError
        length, name = _CHUNK.unpack_from(data, place)
        start, place = place, place + _CHUNK.size + length + _CHECKSUM_BYTES
        # Decoders of others check this sum, and would refuse the image after the job was accepted.
        summed = view[start + 4 : place - _CHECKSUM_BYTES]
        if place > len(data) or zlib.crc32(summed) != int.from_bytes(view[place - _CHECKSUM_BYTES : place]):
            raise DamagedError
        yield Chunk(name, start, place)


def without_long_texts(data: bytes, file: TimedReader) -> bytes:
    """Return a PNG without the texts and profiles that exceed the limits of Pillow.

    Raises:
        DamagedError: the file ends early, or a checksum is wrong.
        OutOfTimeError: there are too many chunks.

    """
    left_out, room = [], PngImagePlugin.MAX_TEXT_MEMORY
    for chunk in chunks(data, file):
        if chunk.name in _TEXTS:
            size = _inflated_size(chunk, data, min(room, MAX_TEXT_BYTES)) if room else None
            if size is None:
                left_out.append(chunk)
            else:
                room = max(0, room - size)
    if not left_out:
        return data
    starts, ends = [0, *(chunk.end for chunk in left_out)], [*(chunk.start for chunk in left_out), len(data)]
    return b"".join(data[start:end] for start, end in zip(starts, ends, strict=True))


def _inflated_size(chunk: Chunk, data: bytes, limit: int) -> int | None:
    """Return the size of a text in memory; None if it exceeds the limit."""
    content = chunk.content(data)
    compressed = b""
    keyword, _, rest = content.partition(b"\0")
    if chunk.name in (b"zTXt", b"iCCP"):
        compressed = rest[1:]
    elif chunk.name == b"iTXt" and rest[:1] == b"\1":
        compressed = rest[2:].split(b"\0", 2)[-1]
    size = len(content)
    if compressed:
        try:
            size = len(zlib.decompressobj().decompress(compressed, limit + 1)) + len(keyword)
        except zlib.error:
            # Pillow reads past it.
            size = 0
    return size if size < limit else None


def check_pixels(data: bytes, file: TimedReader) -> None:
    """Check that the compressed pixels are all there: decoders leave what is missing black.

    Raises:
        DamagedError: some are missing.
        OutOfTimeError: there are too many chunks.

    """
    missing, inflater = 0, zlib.decompressobj()
    try:
        for chunk in chunks(data, file):
            if chunk.name == b"IHDR":
                missing = _size_of_pixels(chunk.content(data))
            elif chunk.name == b"IDAT":
                rest = chunk.content(data)
                while rest and missing > 0 and not inflater.eof:
                    missing -= len(inflater.decompress(rest, _AT_ONCE))
                    rest = inflater.unconsumed_tail
                    file.check()
    except (zlib.error, struct.error, KeyError) as error:
        raise DamagedError from error
    if missing > 0:
        raise DamagedError


def code_points(data: bytes, file: TimedReader) -> Nclx | None:
    """Return what colours are meant, if a PNG says it by code points: these override any profile.

    Raises:
        DamagedError: the file ends early, or a checksum is wrong.
        OutOfTimeError: there are too many chunks.

    """
    for chunk in chunks(data, file):
        if chunk.name == b"cICP":
            return Nclx(*chunk.content(data)[:2])
    return None


def _size_of_pixels(header: bytes) -> int:
    """Return how many bytes the compressed pixels have when they are inflated."""
    width, height, depth, colours, _, _, interlaced = _HEADER.unpack(header)
    bits = depth * _CHANNELS[colours]
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    size = 0
    for left, top, right, down in passes:
        across, rows = -(-(width - left) // right), -(-(height - top) // down)
        if across > 0 and rows > 0:
            size += rows * (1 + (across * bits + 7) // 8)
    return size

"""Find out whether a WEBP has all its pixel data.

libwebp notices when data is missing at the end, but not when some is left over. Where a part was overwritten, with
zeros or with anything else, it decodes something, and seldom stops where the data ends. So each stream of the image is
cut a little before its end: a whole one can then not be decoded any more.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

from PIL.WebPImagePlugin import WebPImageFile

from gallop.media.reading import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.media.reading import TimedReader

SPARE_BYTES = 16
"""How much encoders may write beyond what a decoder needs, in order to end a stream."""

_CHUNK = struct.Struct("<4sI")
_RIFF_HEAD, _FRAME_HEAD = 12, 16
_LOSSY, _LOSSLESS, _ALPHA, _EXTENDED, _FRAME = b"VP8 ", b"VP8L", b"ALPH", b"VP8X", b"ANMF"
_STREAMS = {_LOSSY, _LOSSLESS, _ALPHA}
# Of a lossy stream: what is before its first partition, and the size of a partition in their table.
_LOSSY_HEAD, _SIZE, _SIZE_SHIFT = 10, 3, 5
_COMPRESSION, _HAS_ALPHA = 3, 16
# More than the fields before the number of partitions have.
_HEADER_BYTES = 64


def check(data: bytes, file: TimedReader) -> None:
    """Check that all data of the first image in a WEBP is needed to decode it; ``file`` keeps the time.

    Raises:
        DamagedError: some is not, so it is not what the encoder wrote.
        OutOfTimeError: the check takes too long.

    """
    streams = dict(_streams(data, _RIFF_HEAD, len(data)))
    try:
        for shortened in _shortened(streams):
            file.check()
            if _is_decodable(shortened):
                raise DamagedError
    except (LookupError, struct.error) as error:
        raise DamagedError from error


def _streams(data: bytes, place: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the alpha channel, if there is one, and the pixels of the first image."""
    while place + _CHUNK.size <= end:
        name, size = _CHUNK.unpack_from(data, place)
        start = place + _CHUNK.size
        if name == _FRAME:
            yield from _streams(data, start + _FRAME_HEAD, start + size)
            return
        if name in _STREAMS:
            yield name, data[start : start + size]
        if name in (_LOSSY, _LOSSLESS):
            return
        place = start + size + size % 2


def _shortened(streams: dict[bytes, bytes]) -> Iterator[bytes]:
    """Yield files in each of which one stream ends too early."""
    if _LOSSLESS in streams:
        if len(streams[_LOSSLESS]) > SPARE_BYTES:
            yield _file(_chunk(_LOSSLESS, streams[_LOSSLESS][:-SPARE_BYTES]))
        return
    lossy, alpha = streams[_LOSSY], streams.get(_ALPHA, b"")
    partitions = _partitions(lossy)
    for number, partition in enumerate(partitions):
        if len(partition) > SPARE_BYTES:
            cut = [*partitions[:number], partition[:-SPARE_BYTES], *partitions[number + 1 :]]
            yield _file(_chunk(_LOSSY, _lossy(lossy[:_LOSSY_HEAD], *cut)))
    if len(alpha) > SPARE_BYTES and alpha[0] & _COMPRESSION:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", lossy, 6))
        canvas = bytes([_HAS_ALPHA, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        chunks = (_EXTENDED, canvas), (_ALPHA, alpha[:-SPARE_BYTES]), (_LOSSY, lossy)
        yield _file(b"".join(_chunk(name, content) for name, content in chunks))


def _partitions(lossy: bytes) -> list[bytes]:
    """Return the partitions of a lossy stream (RFC 6386, section 9.5): the first one, and those of the coefficients."""
    table = _LOSSY_HEAD + (int.from_bytes(lossy[:_SIZE], "little") >> _SIZE_SHIFT)
    first = lossy[_LOSSY_HEAD:table]
    start = table + _SIZE * (_count_of_partitions(first) - 1)
    partitions = [first]
    for place in range(table, start, _SIZE):
        end = start + int.from_bytes(lossy[place : place + _SIZE], "little")
        partitions.append(lossy[start:end])
        start = end
    return [*partitions, lossy[start:]]


def _lossy(head: bytes, first: bytes, *others: bytes) -> bytes:
    """Return a lossy stream of these partitions."""
    bits = int.from_bytes(head[:_SIZE], "little") & ((1 << _SIZE_SHIFT) - 1)
    head = (bits | len(first) << _SIZE_SHIFT).to_bytes(_SIZE, "little") + head[_SIZE:]
    sizes = b"".join(len(other).to_bytes(_SIZE, "little") for other in others[:-1])
    return head + first + sizes + b"".join(others)


class _Bits:
    """A decoder of bits that are ones and zeros equally often (RFC 6386, section 7)."""

    def __init__(self, data: bytes) -> None:
        # All that is left to decode; the header needs no more than this.
        self._value, self._bits = int.from_bytes(data[:_HEADER_BYTES].ljust(_HEADER_BYTES, b"\0")), 8 * _HEADER_BYTES
        self._range = 255

    def take(self, count: int) -> int:
        number = 0
        for _ in range(count):
            split = 1 + (self._range - 1 >> 1)
            threshold = split << self._bits - 8
            bit = self._value >= threshold
            self._value -= threshold if bit else 0
            self._range = self._range - split if bit else split
            # Normalized, the range has eight bits.
            shift = 8 - self._range.bit_length()
            self._range, self._bits = self._range << shift, self._bits - shift
            number = number << 1 | bit
        return number

    def skip_optional(self, times: int, bits: int) -> None:
        for _ in range(times):
            if self.take(1):
                self.take(bits)


def _count_of_partitions(first: bytes) -> int:
    bits = _Bits(first)
    bits.take(2)
    if bits.take(1):
        has_map, has_values = bits.take(1), bits.take(1)
        if has_values:
            bits.take(1)
            bits.skip_optional(4, 8)
            bits.skip_optional(4, 7)
        if has_map:
            bits.skip_optional(3, 8)
    bits.take(10)
    if bits.take(1) and bits.take(1):
        bits.skip_optional(8, 7)
    return 1 << bits.take(2)


def _chunk(name: bytes, content: bytes) -> bytes:
    return _CHUNK.pack(name, len(content)) + content + bytes(len(content) % 2)


def _file(chunks: bytes) -> bytes:
    return _CHUNK.pack(b"RIFF", len(chunks) + 4) + b"WEBP" + chunks


def _is_decodable(data: bytes) -> bool:
    try:
        with WebPImageFile(io.BytesIO(data)) as image:
            image.load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True

"""Lays pictures of a group side by side in one JPEG, each with its number, so that one sees which is which."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING

from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from gallop.media import frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COLUMNS = 2
GAP = 8
# Two of them and the gap between them are as long as a picture may be.
MAX_CELL_SIDE = (frames.MAX_LONG_SIDE - GAP) // 2
_NO_PICTURE = (640, 360)
MAX_PIXELS = 8_000_000
_FORMAT = "yuvj420p"
_BLACK, _GREY, _WHITE, _NO_COLOUR = 0, 72, 255, 128
# The digits 1 to 4, five rows of three pixels each.
_DIGITS = ("010110010010111", "111001111100111", "111001111001111", "101101111001001")
_DIGIT_SIZE = 3, 5


def of(pictures: Sequence[bytes | None]) -> bytes:
    """Return a JPEG of JPEGs in rows of two; in the place of one that is missing or broken is a grey field."""
    decoded = [None if picture is None else _decoded(picture) for picture in pictures]
    size = next((_fitted(frame, MAX_CELL_SIDE, MAX_CELL_SIDE) for frame in decoded if frame), None)
    width, height = size or _fitted(VideoFrame(*_NO_PICTURE, _FORMAT), MAX_CELL_SIDE, MAX_CELL_SIDE)
    rows = -(-len(decoded) // COLUMNS)
    canvas = _Canvas(COLUMNS * (width + GAP) - GAP, rows * (height + GAP) - GAP)
    for index, frame in enumerate(decoded):
        left, top = (index % COLUMNS) * (width + GAP), (index // COLUMNS) * (height + GAP)
        canvas.fill(left, top, width, height, _GREY)
        if frame:
            own = _fitted(frame, width, height)
            shown = frame.reformat(*own, _FORMAT)
            canvas.draw(shown, left + _even((width - own[0]) // 2), top + _even((height - own[1]) // 2))
        canvas.number(index, left, top, max(2, min(width, height) // 45))
    return frames.jpeg(canvas.frame())


def _decoded(jpeg: bytes) -> VideoFrame | None:
    decoder = VideoCodecContext.create("mjpeg", "r")
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(MAX_PIXELS)}
    try:
        return next(chain.from_iterable(decoder.decode(packet) for packet in (Packet(jpeg), None)), None)
    except (FFmpegError, ValueError):
        return None


def _fitted(frame: VideoFrame, width: int, height: int) -> tuple[int, int]:
    """Return the size of a frame, scaled down to fit: even numbers, because colours have half the resolution."""
    scale = min(Fraction(1), Fraction(width, frame.width), Fraction(height, frame.height))
    return max(2, _even(int(frame.width * scale))), max(2, _even(int(frame.height * scale)))


def _even(number: int) -> int:
    return number - number % 2


@dataclass(slots=True)
class _Canvas:
    """A picture in planes of brightness and colour, black at first."""

    width: int
    height: int
    planes: list[bytearray] = field(init=False)

    def __post_init__(self) -> None:
        self.planes = [
            bytearray([value]) * (self._side(self.width, plane) * self._side(self.height, plane))
            for plane, value in enumerate((_BLACK, _NO_COLOUR, _NO_COLOUR))
        ]

    def fill(self, left: int, top: int, width: int, height: int, brightness: int) -> None:
        """Fill a rectangle with a grey."""
        for plane, value in enumerate((brightness, _NO_COLOUR, _NO_COLOUR)):
            row = bytes([value]) * self._side(width, plane)
            self._put(plane, left, top, (row for _ in range(self._side(height, plane))))

    def draw(self, frame: VideoFrame, left: int, top: int) -> None:
        """Draw a frame of the same format."""
        for plane, source in enumerate(frame.planes):
            pixels, width = memoryview(source).cast("B"), self._side(frame.width, plane)
            starts = (y * source.line_size for y in range(self._side(frame.height, plane)))
            self._put(plane, left, top, (pixels[start : start + width] for start in starts))

    def number(self, index: int, left: int, top: int, pixel: int) -> None:
        """Write the number of a picture into its corner."""
        size = _even(pixel)
        columns, rows = _DIGIT_SIZE
        self.fill(left, top, (columns + 2) * size, (rows + 2) * size, _BLACK)
        for place, is_set in enumerate(_DIGITS[index]):
            if is_set == "1":
                x, y = left + (1 + place % columns) * size, top + (1 + place // columns) * size
                self.fill(x, y, size, size, _WHITE)

    def frame(self) -> VideoFrame:
        """Return the picture as a frame."""
        made = VideoFrame(self.width, self.height, _FORMAT)
        for number, plane in enumerate(made.planes):
            width, content = self._side(self.width, number), self.planes[number]
            rows = (content[start : start + width] for start in range(0, len(content), width))
            plane.update(b"".join(row.ljust(plane.line_size, b"\0") for row in rows).ljust(plane.buffer_size, b"\0"))
        return made

    def _put(self, plane: int, left: int, top: int, rows: Iterator[bytes | memoryview]) -> None:
        width = self._side(self.width, plane)
        start = self._side(top, plane) * width + self._side(left, plane)
        for row in rows:
            self.planes[plane][start : start + len(row)] = row
            start += width

    @staticmethod
    def _side(length: int, plane: int) -> int:
        """Return a length in pixels of a plane: the planes of colour have half of the resolution."""
        return length if plane == 0 else length // 2

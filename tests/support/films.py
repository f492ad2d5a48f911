"""Real MP4 files, made with PyAV: small ones, and ones of any size whose bytes are made as they are read."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import av
from av.video.frame import VideoFrame
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FRAMES_PER_SECOND = 24
PIECE = 256 * 1024


@cache
def film(frames: int = 12, movflags: str = "") -> bytes:
    """Give a playable MP4 (H.264, 64 x 64)."""
    # The same in every process, unlike what fresh memory happens to hold.
    noise = (Random(number).randbytes(3 * 64 * 64) for number in range(frames))
    return _encoded(noise, (64, 64), movflags)


@cache
def shots(*shots: bool, size: tuple[int, int] = (64, 64), frames: int = 12) -> bytes:
    """Return an MP4 of shots with the given numbers of frames, each visible or black."""
    width, height = size
    shades = b"".join(bytes([255 * row // height]) * 3 * width for row in range(height))
    return _encoded((shades if shows else bytes(len(shades)) for shows in shots for _ in range(frames)), size)


def _encoded(pixels: Iterable[bytes], size: tuple[int, int], movflags: str = "") -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        # FFmpeg moves the index to the start by reading what it has written: that takes a file.
        with av.open(str(path), "w", options={"movflags": movflags} if movflags else {}) as container:
            video = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
            video.width, video.height = size
            video.pix_fmt = "yuv420p"
            for number, rgb in enumerate(pixels):
                frame = VideoFrame.from_image(Image.frombytes("RGB", size, rgb))  # type: ignore[no-untyped-call]
                frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        return path.read_bytes()


def frames_of(data: bytes) -> int:
    """Decode an MP4 and count its frames."""
    with av.open(io.BytesIO(data), "r") as container:
        return len(list(container.decode(video=0)))


def box(kind: bytes, payload: bytes = b"") -> bytes:
    """Write an MP4 box."""
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def long_box(kind: bytes, payload: bytes = b"") -> bytes:
    """Write an MP4 box whose size has 64 bits."""
    return struct.pack(">I4sQ", 1, kind, 16 + len(payload)) + payload


def large_film(size: int) -> Iterator[bytes]:
    """Give an MP4 of ``size`` bytes, mostly one ``free`` box of zeros, in pieces."""
    head = film()
    yield head
    left = size - len(head)
    yield struct.pack(">I4sQ", 1, b"free", left)
    left -= 16
    nothing = bytes(PIECE)
    while left:
        piece = nothing[: min(left, PIECE)]
        left -= len(piece)
        yield piece

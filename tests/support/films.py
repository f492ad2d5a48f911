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

if TYPE_CHECKING:
    from collections.abc import Iterator

FRAMES_PER_SECOND = 24
PIECE = 256 * 1024


@cache
def film(frames: int = 12, movflags: str = "") -> bytes:
    """Give a playable MP4 (H.264, 64 x 64)."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        # FFmpeg moves the index to the front by reading what it has written: that takes a file.
        with av.open(str(path), "w", options={"movflags": movflags} if movflags else {}) as container:
            video = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
            video.width = video.height = 64
            video.pix_fmt = "yuv420p"
            for number in range(frames):
                frame = VideoFrame(64, 64, "rgb24")
                # The same in every process, unlike what fresh memory happens to hold.
                frame.planes[0].update(Random(number).randbytes(frame.planes[0].buffer_size))
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

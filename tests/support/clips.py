"""Real videos and sounds as phones, cameras and programs write them, and ways to change their boxes."""

from __future__ import annotations

import struct
from fractions import Fraction
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

import av
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.video.stream import VideoStream

CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta")
_RATE = 48_000


@cache
def clip(  # noqa: PLR0913 - what a video is
    seconds: float = 3.2,
    fps: int = 10,
    size: tuple[int, int] = (360, 360),
    *,
    codec: str = "libx264",
    form: str = "mp4",
    pixels: str = "yuv420p",
    sound: float = 0,
    movflags: str = "",
) -> bytes:
    """Make a playable video of one colour; ``sound`` is the length of its sound in seconds."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{form}"
        with av.open(str(path), "w", options={"movflags": movflags} if movflags else {}) as container:
            track = container.add_stream("aac", rate=_RATE, layout="mono") if sound else None
            _add_video(container, seconds, fps, size, codec, pixels)
            if track:
                _add_sound(container, track, sound)
        return path.read_bytes()


def _add_video(  # noqa: PLR0913, PLR0917 - what a video is
    container: OutputContainer, seconds: float, fps: int, size: tuple[int, int], codec: str, pixels: str
) -> None:
    options = {"libx264": {"preset": "ultrafast"}, "libx265": {"preset": "ultrafast", "x265-params": "log-level=0"}}
    video = cast("VideoStream", container.add_stream(codec, rate=fps, options=options.get(codec, {})))
    video.width, video.height, video.pix_fmt = *size, pixels
    if codec == "libx265":
        video.codec_tag = "hvc1"
    frame = VideoFrame(*size, pixels)
    for plane in frame.planes:
        plane.update(bytes([90]) * plane.buffer_size)
    for number in range(round(seconds * fps)):
        frame.pts, frame.time_base = number, Fraction(1, fps)
        container.mux(video.encode(frame))
    container.mux(video.encode(None))


def _add_sound(container: OutputContainer, sound: AudioStream, seconds: float) -> None:
    for number in range(round(seconds * _RATE / 1024)):
        frame = AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.rate, frame.pts, frame.time_base = _RATE, number * 1024, Fraction(1, _RATE)
        container.mux(sound.encode(frame))
    container.mux(sound.encode(None))


def box(kind: bytes, payload: bytes = b"") -> bytes:
    """Write a box."""
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def long_box(kind: bytes, payload: bytes = b"") -> bytes:
    """Write a box whose size has 64 bits."""
    return struct.pack(">I4sQ", 1, kind, 16 + len(payload)) + payload


def split(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the kinds and payloads of boxes, in order."""
    found, place = [], 0
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        found.append((data[place + 4 : place + 8], data[place + 8 : place + size]))
        place += size
    return found


def join(boxes: list[tuple[bytes, bytes]]) -> bytes:
    """Write boxes."""
    return b"".join(box(*one) for one in boxes)


def changed(data: bytes, path: tuple[bytes, ...], payload: bytes | None) -> bytes:
    """Replace the payload of every box at a path of kinds; with None, remove the boxes. No other byte moves its place.

    That holds for an index at the end, which is where ``clip`` writes it.
    """
    kind, *deeper = path
    result = []
    for name, content in split(data):
        if name != kind:
            result.append((name, content))
        elif deeper:
            result.append((name, changed(content, tuple(deeper), payload)))
        elif payload is not None:
            result.append((name, payload))
    return join(result)


def found(data: bytes, *path: bytes) -> bytes:
    """Return the payload of the first box at a path of kinds."""
    for kind in path:
        data = next(content for name, content in split(data) if name == kind)
    return data


@cache
def sound(seconds: float, form: str = "wav", codec: str = "pcm_s16le") -> bytes:
    """Make an audio file of silence."""
    buffer = BytesIO()
    with av.open(buffer, "w", format=form) as container:
        track = cast("AudioStream", container.add_stream(codec, rate=_RATE, layout="mono"))
        left, place = round(seconds * _RATE), 0
        while left:
            samples = min(left, 1152)
            frame = AudioFrame(format=track.format.name, layout="mono", samples=samples)
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            frame.rate, frame.pts, frame.time_base = _RATE, place, Fraction(1, _RATE)
            container.mux(track.encode(frame))
            left, place = left - samples, place + samples
        container.mux(track.encode(None))
    return buffer.getvalue()

"""Small videos and sounds for the fake to download, and what a test looks at in a video that it returns."""

from __future__ import annotations

import io
import struct
from array import array
from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import pi, sin
from typing import TYPE_CHECKING

import av
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from PIL import Image

from tests.functional.fake_dashscope.origin import GREEN

if TYPE_CHECKING:
    from av.container import OutputContainer

RATE = 48_000
BLOCK = 1024


@cache
def clip(
    seconds: float = 3.0,
    size: tuple[int, int] = (640, 360),
    fps: int = 10,
    hertz: int = 1500,
    kind: str = "mp4",
) -> bytes:
    """Return a green video with a white right edge and a tone of ``hertz``, or without sound."""
    target = io.BytesIO()
    with av.open(target, "w", format=kind) as container:
        video = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        if hertz:
            _tone(container, seconds, hertz)
        image = Image.new("RGB", size, GREEN)
        image.paste("white", (size[0] * 7 // 8, 0, *size))
        picture = VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
        frames = round(seconds * fps)
        for index in range(frames):
            picture.pts, picture.time_base = index, Fraction(1, fps)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
    return target.getvalue()


def on_its_side(video: bytes) -> bytes:
    """Return a video that players turn by 90° to the right, as a telephone records it upright."""
    matrix = video.index(b"tkhd") + 44
    turned = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    return video[:matrix] + turned + video[matrix + len(turned) :]


@cache
def tone(seconds: float = 3.0) -> bytes:
    """Return an M4A with a tone."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        _tone(container, seconds, 1500)
    return target.getvalue()


def _tone(container: OutputContainer, seconds: float, hertz: int) -> None:
    track = container.add_stream("aac", rate=RATE, layout="mono")
    wave = array("f", (0.2 * sin(2 * pi * hertz * at / RATE) for at in range(BLOCK))).tobytes()
    for index in range(round(seconds * RATE) // BLOCK):
        frame = AudioFrame(format="fltp", layout="mono", samples=BLOCK)
        frame.planes[0].update(wave)
        frame.sample_rate, frame.pts = RATE, index * BLOCK
        container.mux(track.encode(frame))
    container.mux(track.encode(None))


def pictures(video: bytes) -> list[Image.Image]:
    """Decode all frames."""
    with av.open(io.BytesIO(video), "r") as container:
        return [frame.to_image() for frame in container.decode(video=0)]  # type: ignore[no-untyped-call]


def hertz(video: bytes) -> int | None:
    """Return the pitch of a video's AAC sound, to the nearest 25 Hz: 0 for silence, None without a sound track."""
    with av.open(io.BytesIO(video), "r") as container:
        if not container.streams.audio:
            return None
        assert "aac" == container.streams.audio[0].codec_context.name
        samples = array("f")
        for frame in container.decode(audio=0):
            samples.frombytes(bytes(frame.planes[0])[: 4 * frame.samples])
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    if max(middle) < 0.001:
        return 0
    rises = sum(1 for one, other in pairwise(middle) if one <= 0 < other)
    return 25 * round(rises * RATE / len(middle) / 25)

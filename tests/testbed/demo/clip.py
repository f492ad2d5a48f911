"""The video that the demo sends to be edited: the camera pans over a picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

import av
from av.video.frame import VideoFrame
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from av.video.stream import VideoStream

WIDTH, HEIGHT = 640, 360
FRAMES_PER_SECOND = 24
SECONDS = 4
# The pan covers the part of the picture that does not fit into a frame.
SHOWN = 0.75


def make(picture: Path) -> bytes:
    """Return an MP4 of four seconds, from left to right over a picture of 16:9."""
    file = io.BytesIO()
    frames = SECONDS * FRAMES_PER_SECOND
    with Image.open(picture) as image, av.open(file, "w", format="mp4") as container:
        stream = cast("VideoStream", container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"preset": "fast"}))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        wide = image.convert("RGB").resize((round(WIDTH / SHOWN), round(HEIGHT / SHOWN)))
        left, top = wide.width - WIDTH, (wide.height - HEIGHT) // 2
        for number in range(frames):
            at = left * number // frames
            frame = VideoFrame.from_image(wide.crop((at, top, at + WIDTH, top + HEIGHT)))  # type: ignore[no-untyped-call]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()

"""The video that the demo sends to be edited: the camera pans over a picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import av
from av.video.frame import VideoFrame
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

WIDTH, HEIGHT = 480, 360
FRAMES_PER_SECOND = 24
SECONDS = 3


def make(picture: Path) -> bytes:
    """Return an MP4 of 4:3 that goes from left to right over a wider picture."""
    file = io.BytesIO()
    with Image.open(picture) as image, av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        wide = image.convert("RGB").resize((round(HEIGHT * image.width / image.height), HEIGHT))
        frames = SECONDS * FRAMES_PER_SECOND
        for number in range(frames):
            left = (wide.width - WIDTH) * number // frames
            frame = VideoFrame.from_image(wide.crop((left, 0, left + WIDTH, HEIGHT)))  # type: ignore[no-untyped-call]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()

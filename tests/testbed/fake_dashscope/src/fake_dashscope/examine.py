"""Inspection of a downloaded image or video: its format, size and length."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import av
from PIL import Image

from fake_dashscope.errors import VendorError
from fake_dashscope.media import NOT_AN_IMAGE, NOT_DECODED

FORMATS = ("JPEG", "PNG", "WEBP")
VIDEO_SECONDS = (3.0, 60.0)


@dataclass(frozen=True, slots=True)
class Found:
    """Width and height in pixels, length in seconds (0 for an image)."""

    width: int
    height: int
    seconds: float = 0.0


def image(body: bytes) -> Found:
    """Inspect an image by its content, whatever its name; raises ``VendorError``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            picture = Image.open(io.BytesIO(body), formats=FORMATS)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise VendorError("InvalidParameter", NOT_AN_IMAGE) from error
    try:
        with picture:
            picture.load()
            return Found(*picture.size)
    except (OSError, SyntaxError, ValueError) as error:
        raise VendorError("InvalidParameter", NOT_DECODED) from error


def video(body: bytes) -> Found:
    """Inspect a video: MP4 or MOV, 3 to 60 s; raises ``VendorError``."""
    try:
        with av.open(io.BytesIO(body), "r") as container:
            stream = container.streams.video[0]
            seconds = float(container.duration or 0) / av.time_base
            found = Found(stream.width, stream.height, round(seconds, 2))
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise VendorError("InvalidFile.Format") from error
    if not VIDEO_SECONDS[0] <= found.seconds <= VIDEO_SECONDS[1]:
        raise VendorError("InvalidFile.Duration", "Invalid file duration. The file duration must be 3 s ~ 60 s.")
    return found

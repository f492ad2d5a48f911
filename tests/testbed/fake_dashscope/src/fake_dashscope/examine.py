"""Inspection of a downloaded image, video or audio: its format, size and length, against the rule of its type."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
from PIL import Image

from fake_dashscope.errors import VendorError
from fake_dashscope.media import NOT_AN_IMAGE, NOT_DECODED, WRONG_SIZE

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from fake_dashscope.models import MediaRule

FORMATS = ("JPEG", "PNG", "WEBP")
ORIENTATION, SIDEWAYS = 0x0112, {5, 6, 7, 8}
MP4_OR_MOV = "mov,mp4"


@dataclass(frozen=True, slots=True)
class Found:
    """Width and height in pixels as shown, length in seconds (0 for an image), frames per second (0 if none)."""

    width: int = 0
    height: int = 0
    seconds: float = 0.0
    fps: float = 0.0


def examine(body: bytes, rule: MediaRule) -> Found:
    """Inspect a medium by its content, whatever its name; raises ``VendorError``."""
    if rule.kind == "image":
        found = image(body)
        if min(found.width, found.height) < rule.short_side:
            raise VendorError("InvalidParameter", WRONG_SIZE)
    else:
        found = video(body) if rule.kind == "video" else audio(body)
        _check_file(rule, found)
    if rule.widest and max(found.width, found.height) > rule.widest * min(found.width, found.height):
        raise VendorError("InvalidFile.AspectRatio")
    return found


def _check_file(rule: MediaRule, found: Found) -> None:
    """Check a video or an audio. Which code belongs to which limit is an inference from their names."""
    if found.seconds < rule.min_seconds or (rule.max_seconds and found.seconds > rule.max_seconds):
        allowed = f"{rule.min_seconds:g} s ~ {rule.max_seconds:g} s"
        raise VendorError("InvalidFile.Duration", f"Invalid file duration. The file duration must be {allowed}.")
    short, long = sorted((found.width, found.height))
    if rule.kind == "video" and (short < rule.short_side or (rule.long_side and long > rule.long_side)):
        raise VendorError("InvalidFile.Resolution")
    if rule.above_fps and found.fps <= rule.above_fps:
        raise VendorError("InvalidFile.FPS")


def image(body: bytes) -> Found:
    """Inspect an image: JPEG, PNG or WEBP; raises ``VendorError``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            picture = Image.open(io.BytesIO(body), formats=FORMATS)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise VendorError("InvalidParameter", NOT_AN_IMAGE) from error
    try:
        with picture:
            picture.load()
            width, height = picture.size
            sideways = picture.getexif().get(ORIENTATION) in SIDEWAYS
    except (OSError, SyntaxError, ValueError) as error:
        raise VendorError("InvalidParameter", NOT_DECODED) from error
    return Found(height, width) if sideways else Found(width, height)


def video(body: bytes) -> Found:
    """Inspect a video: MP4 or MOV, with a first frame that can be decoded; raises ``VendorError``."""
    try:
        with av.open(io.BytesIO(body), "r") as container:
            if not container.format.name.startswith(MP4_OR_MOV):
                raise VendorError("InvalidFile.Format")
            stream = container.streams.video[0]
            frame: VideoFrame = next(container.decode(stream))
            width, height = frame.width, frame.height
            if frame.rotation % 180:
                width, height = height, width
            return Found(width, height, _seconds(container, stream), float(stream.average_rate or 0))
    except (av.error.FFmpegError, IndexError, ValueError, StopIteration) as error:
        raise VendorError("InvalidFile.Format") from error


def audio(body: bytes) -> Found:
    """Inspect an audio of any format; raises ``VendorError``."""
    try:
        with av.open(io.BytesIO(body), "r") as container:
            stream = container.streams.audio[0]
            next(container.decode(stream))
            return Found(seconds=_seconds(container, stream))
    except (av.error.FFmpegError, IndexError, ValueError, StopIteration) as error:
        raise VendorError("InvalidFile.Format") from error


def _seconds(container: InputContainer, stream: VideoStream | AudioStream) -> float:
    """Return the length of the stream, or where the file does not say, of all."""
    if stream.duration is None or stream.time_base is None:
        return round(float(container.duration or 0) / av.time_base, 2)
    return round(float(stream.duration * stream.time_base), 2)

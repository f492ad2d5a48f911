"""Extract a still frame from a video with PyAV: the only module that decodes videos."""

from __future__ import annotations

from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

import av
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MAX_LONG_SIDE = 1280
# Where to look for a frame: a third of the way in, the story has begun and has not ended.
PLACES = (Fraction(1, 3), Fraction(1, 2), Fraction(2, 3))
# Difference between the darkest and brightest twentieth of a frame, of 255: black, fades and plain colour are lower.
MIN_CONTRAST = 16
_SAMPLE = (64, 36)
# On FFmpeg's scale from 2 (best) to 31.
_JPEG_QUALITY = 3


def extract(video: BinaryIO) -> bytes | None:
    """Return a frame as JPEG, with visible content if any frame has it; None if the video cannot be decoded."""
    try:
        with av.open(video, "r") as container:
            frame = _chosen(container)
            return None if frame is None else jpeg(frame)
    except FFmpegError:
        return None


def _chosen(container: InputContainer) -> VideoFrame | None:
    first = None
    for stream in container.streams.video[:1]:
        for frame in _candidates(container, stream):
            if _shows_something(frame):
                return frame
            first = first or frame
    return first


def _candidates(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    length = Fraction(container.duration or 0, av.time_base)
    return chain(
        chain.from_iterable(_first_after(container, stream, length * place) for place in PLACES),
        _first_after(container, stream, Fraction(0), all_others=True),
    )


def _first_after(
    container: InputContainer, stream: VideoStream, seconds: Fraction, *, all_others: bool = False
) -> Iterator[VideoFrame]:
    """Yield the first frame at or after a time; with ``all_others``, all that follow it as well."""
    # Decoding can start at key frames only: this seeks to the last one before.
    container.seek(int(seconds / (stream.time_base or 1)), stream=stream)
    for frame in container.decode(stream):
        if frame.time is None or frame.time >= seconds:
            yield frame
            if not all_others:
                return


def _shows_something(frame: VideoFrame) -> bool:
    width, height = _SAMPLE
    plane = frame.reformat(width, height, "gray").planes[0]
    rows = memoryview(plane).cast("B")
    brightness = sorted(chain.from_iterable(rows[y * plane.line_size :][:width] for y in range(height)))
    twentieth = len(brightness) // 20
    return brightness[-1 - twentieth] - brightness[twentieth] >= MIN_CONTRAST


def jpeg(frame: VideoFrame) -> bytes:
    """Encode a frame as JPEG, scaled down to ``MAX_LONG_SIDE``."""
    scale = min(Fraction(1), Fraction(MAX_LONG_SIDE, max(frame.width, frame.height)))
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    picture = frame.reformat(width, height, "yuvj420p")
    picture.pts, picture.time_base = 0, Fraction(1)
    encoder = VideoCodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, "yuvj420p", Fraction(1)
    encoder.qmin = encoder.qmax = _JPEG_QUALITY
    return b"".join(bytes(packet) for packet in chain(encoder.encode(picture), encoder.encode(None)))

"""Limits of the media that a model takes, as data: ``gallop.domain.models`` says which model has which."""

from __future__ import annotations

from gallop.domain.frozen import frozen

MEBIBYTE = 1024**2
# Of an upload: the largest that any model takes.
MAX_VIDEO_BYTES = 100 * MEBIBYTE


@frozen
class ImageRules:
    """Limits of an image: its shorter side in pixels, its longer side per shorter side (None: any), its bytes."""

    short_side: int
    max_aspect: float | None
    max_bytes: int


@frozen
class VideoRules:
    """Limits of a video: its length in seconds, its sides in pixels, its shape, its bytes, its frames per second.

    ``max_aspect`` is the longer side per shorter side. The frame rate must be above ``above_fps``, not equal to it.
    """

    min_seconds: float
    max_seconds: float
    short_side: int
    long_side: int
    max_aspect: float
    max_bytes: int
    above_fps: float
    containers: tuple[str, ...] = ("MP4", "MOV")
    codecs: tuple[str, ...] = ("H.264", "HEVC")


@frozen
class AudioRules:
    """Limits of an audio file: its length in seconds, its bytes, its formats."""

    min_seconds: float
    max_seconds: float
    max_bytes: int
    containers: tuple[str, ...] = ("WAV", "MP3", "M4A")


ClipRules = VideoRules | AudioRules

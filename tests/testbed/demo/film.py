"""What is in a video file: every frame and every sample is decoded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
from PIL import Image, ImageChops, ImageOps, ImageStat

if TYPE_CHECKING:
    from av.container import InputContainer

# The size at which pictures are compared: large enough for what is where, small enough to hide the encoder's noise.
COMPARED = (64, 36)


@dataclass(frozen=True, slots=True)
class Film:
    """The properties of a video file; ``audio`` is the codec of its sound, which is empty without one.

    ``sound_seconds`` is the length of what was decoded of it.
    """

    codec: str
    width: int
    height: int
    frames_per_second: float
    seconds: float
    audio: str = ""
    sound_seconds: float = 0.0

    def __str__(self) -> str:
        """Format them for people."""
        codec = self.codec.upper().replace("H26", "H.26")
        sound = f"with {self.audio.upper()} sound" if self.audio else "without sound"
        return f"{codec}, {self.width}x{self.height}, {self.frames_per_second:g} fps, {self.seconds:g} s, {sound}"


def play(video: bytes) -> Film:
    """Decode a video completely and return its properties."""
    with av.open(io.BytesIO(video), "r") as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        rate = float(stream.average_rate or 0)
        audio, sound_seconds = _listen(container)
        return Film(
            stream.codec_context.name, stream.width, stream.height, rate, round(frames / rate, 2), audio, sound_seconds
        )


def _listen(container: InputContainer) -> tuple[str, float]:
    if not container.streams.audio:
        return "", 0.0
    sound = container.streams.audio[0]
    container.seek(0)
    samples = sum(frame.samples for frame in container.decode(sound))
    return sound.codec_context.name, round(samples / sound.rate, 2)


def opening(file: bytes) -> Image.Image:
    """Return a picture, or the first frame of a video."""
    if file[4:8] != b"ftyp":
        return ImageOps.exif_transpose(Image.open(io.BytesIO(file))).convert("RGB")
    with av.open(io.BytesIO(file), "r") as container:
        return next(container.decode(video=0)).to_image()  # type: ignore[no-any-return, no-untyped-call]


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return how much two pictures differ on average, from 0 (not at all) to 255 (white and black)."""
    pair = (ImageOps.fit(picture, COMPARED, Image.Resampling.BOX) for picture in (one, other))
    return float(sum(ImageStat.Stat(ImageChops.difference(*pair)).mean) / 3)

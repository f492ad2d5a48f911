"""Renders a video from its reference images: a slow pan over each of them, with cross-fades in between.

H.264, yuv420p, 24 frames per second, faststart MP4. A medium that was not downloaded becomes a placeholder.
"""

from __future__ import annotations

import colorsys
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from PIL import Image, ImageDraw, ImageFont, ImageOps

from fake_dashscope.catalogue import FRAMES_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import OutputContainer

    from fake_dashscope.media import Medium

OVERSCAN = 1.16
FADE_FRAMES = 12
WATERMARK = "Happy Horse"
SAMPLE_RATE = 48_000
AAC_SAMPLES = 1024


@dataclass(frozen=True, slots=True)
class Script:
    """What to render; size in pixels."""

    media: tuple[Medium, ...]
    size: tuple[int, int]
    frames: int
    watermark: bool
    audio: bool = True


class AbandonedError(Exception):
    """The video is no longer needed."""


def render(script: Script, target: Path, abandoned: Callable[[], bool] = lambda: False) -> None:
    """Write the video to ``target``; raises ``AbandonedError`` when ``abandoned`` returns True."""
    options = {"movflags": "+faststart"}
    with av.open(str(target), "w", format="mp4", options=options) as container:
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"preset": "ultrafast", "crf": "26"})
        video.width, video.height = script.size
        video.pix_fmt = "yuv420p"
        video.thread_count = 1
        sound = container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo") if script.audio else None
        if sound is not None:
            _silence(container, sound, script.frames)
        for picture in _pictures(script):
            if abandoned():
                raise AbandonedError
            container.mux(video.encode(VideoFrame.from_image(picture)))  # type: ignore[no-untyped-call]
        container.mux(video.encode(None))


def _silence(container: OutputContainer, sound: AudioStream, frames: int) -> None:
    sound.bit_rate = 32_000
    for index in range(frames * SAMPLE_RATE // FRAMES_PER_SECOND // AAC_SAMPLES - 1):
        quiet = AudioFrame(format="fltp", layout="stereo", samples=AAC_SAMPLES)
        for plane in quiet.planes:
            plane.update(bytes(plane.buffer_size))
        quiet.sample_rate = SAMPLE_RATE
        quiet.pts = index * AAC_SAMPLES
        container.mux(sound.encode(quiet))
    container.mux(sound.encode(None))


def _pictures(script: Script) -> Iterator[Image.Image]:
    stills = [_still(medium, number, script.size) for number, medium in enumerate(script.media, 1)]
    stills = stills or [_cover(_backdrop("0" * 8), script.size)]
    mark = _mark(script.size) if script.watermark else None
    share = script.frames / len(stills)
    fade = min(FADE_FRAMES, int(share) // 3)
    for index in range(script.frames):
        shot = min(int(index / share), len(stills) - 1)
        picture = _view(stills, shot, index, share, script.size)
        into = index - (shot + 1) * share + fade
        if fade and into > 0 and shot + 1 < len(stills):
            picture = Image.blend(picture, _view(stills, shot + 1, index, share, script.size), into / (fade + 1))
        if mark is not None:
            picture.paste(mark, (script.size[0] - mark.width, script.size[1] - mark.height), mark)
        yield picture


def _view(stills: list[Image.Image], shot: int, index: int, share: float, size: tuple[int, int]) -> Image.Image:
    """Cut a frame out of a larger still: from one corner to the other, backwards in every second shot."""
    along = (index - shot * share + FADE_FRAMES) / (share + FADE_FRAMES)
    along = max(0.0, min(1.0, 1 - along if shot % 2 else along))
    still = stills[shot]
    left, top = round((still.width - size[0]) * along), round((still.height - size[1]) * along)
    return still.crop((left, top, left + size[0], top + size[1]))


def _still(medium: Medium, number: int, size: tuple[int, int]) -> Image.Image:
    if medium.path is None:
        return _cover(_placeholder(medium, number), size)
    if medium.seconds:
        with av.open(str(medium.path)) as container:
            return _cover(next(container.decode(video=0)).to_image(), size)  # type: ignore[no-untyped-call]
    with Image.open(io.BytesIO(medium.path.read_bytes())) as picture:
        return _cover(ImageOps.exif_transpose(picture).convert("RGB"), size)


def _cover(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    return ImageOps.fit(picture, (round(size[0] * OVERSCAN), round(size[1] * OVERSCAN)), Image.Resampling.BICUBIC)


def _backdrop(digest: str) -> Image.Image:
    hue = int(digest[:4], 16) / 0xFFFF
    dark, light = (tuple(round(255 * part) for part in colorsys.hls_to_rgb(hue, level, 0.45)) for level in (0.25, 0.65))
    shade = Image.linear_gradient("L").resize((1280, 720))
    return ImageOps.colorize(shade, dark, light)


def _placeholder(medium: Medium, number: int) -> Image.Image:
    picture = _backdrop(medium.digest)
    pen = ImageDraw.Draw(picture)
    width, height = picture.size
    pen.text((width / 2, height * 0.45), f"Image {number}", "white", ImageFont.load_default(120), anchor="mm")
    label = medium.label.encode("ascii", "replace").decode()[:48]
    pen.text((width / 2, height * 0.6), label, "white", ImageFont.load_default(32), anchor="mm")
    return picture


def _mark(size: tuple[int, int]) -> Image.Image:
    font = ImageFont.load_default(max(16, min(size) // 26))
    left, top, right, bottom = font.getbbox(WATERMARK)
    margin = min(size) // 36
    mark = Image.new("RGBA", (round(right - left) + 2 * margin, round(bottom - top) + 2 * margin))
    ImageDraw.Draw(mark).text((margin - left, margin - top), WATERMARK, (255, 255, 255, 200), font)
    return mark

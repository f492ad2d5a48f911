"""Renders a video from its inputs, so that a person and a test can see which they were.

- References: a slow pan over each of them, with cross-fades in between.
- A first frame: the whole of it, then a slow zoom; with a last frame, a cross-fade to the whole of that.
- A video to edit: its own first half second, then in one colour (the first reference's) with a square that moves.
- Nothing: a title.

H.264, yuv420p, faststart MP4. A medium that was not downloaded becomes a placeholder.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

import av
from PIL import Image

from fake_dashscope import sound, stills
from fake_dashscope.planes import Planes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from av.video.frame import VideoFrame

    from fake_dashscope.media import Medium

OVERSCAN = 1.16
ZOOM = 1.3
FADE_FRAMES = 12
VIOLET = (168, 150)
ENCODER = {"preset": "ultrafast", "crf": "26"}


@dataclass(frozen=True, slots=True)
class Script:
    """What to render; size in pixels. ``edited`` is the video among ``media`` that is edited, if any."""

    media: tuple[Medium, ...]
    size: tuple[int, int]
    frames: int
    watermark: bool
    sound: sound.Sound = "generated"
    frames_per_second: int = 24
    edited: Medium | None = None


class AbandonedError(Exception):
    """The video is no longer needed."""


def render(script: Script, target: Path, abandoned: Callable[[], bool] = lambda: False) -> None:
    """Write the video to ``target``; raises ``AbandonedError`` when ``abandoned`` returns True."""
    options = {"movflags": "+faststart"}
    with av.open(str(target), "w", format="mp4", options=options) as container:
        video = container.add_stream("libx264", rate=script.frames_per_second, options=ENCODER)
        video.width, video.height = script.size
        video.pix_fmt = "yuv420p"
        video.thread_count = 1
        origin = script.edited.path if script.edited else None
        sound.add(container, script.sound, script.frames / script.frames_per_second, origin)
        for planes in _marked(script):
            if abandoned():
                raise AbandonedError
            container.mux(video.encode(planes.frame()))
        container.mux(video.encode(None))


def _marked(script: Script) -> Iterator[Planes]:
    mask = stills.mark(script.size)
    left, top = script.size[0] - mask.width, script.size[1] - mask.height
    for planes in _edited(script, script.edited) if script.edited else _shots(script):
        yield planes.stamped(mask, left, top) if script.watermark else planes


def _shots(script: Script) -> Iterator[Planes]:
    """Show each picture for its share of the video."""
    seen = [medium for medium in script.media if medium.kind != "audio"]
    framed = any(medium.type in {"first_frame", "last_frame"} for medium in seen)
    look, larger = (_zoom, 1.0) if framed else (_pan, OVERSCAN)
    size = (_even(script.size[0] * larger), _even(script.size[1] * larger))
    shown = [stills.still(medium, number, size) for number, medium in enumerate(seen, 1)] or [stills.title(size)]
    share = script.frames / len(shown)
    fade = min(FADE_FRAMES, int(share) // 3)
    for index in range(script.frames):
        shot = min(int(index / share), len(shown) - 1)
        planes = look(shown[shot], shot, index - shot * share, share, script.size)
        into = index - (shot + 1) * share + fade
        if fade and into > 0 and shot + 1 < len(shown):
            following = look(shown[shot + 1], shot + 1, index - (shot + 1) * share, share, script.size)
            planes = planes.blend(following, into / (fade + 1))
        yield planes


def _pan(planes: Planes, shot: int, index: float, share: float, size: tuple[int, int]) -> Planes:
    """Cut a frame out of a larger picture: from one corner to the other, backwards in every second shot."""
    along = (index + FADE_FRAMES) / (share + FADE_FRAMES)
    along = max(0.0, min(1.0, 1 - along if shot % 2 else along))
    width, height = planes.size
    return planes.crop(round((width - size[0]) * along), round((height - size[1]) * along), size)


def _zoom(planes: Planes, shot: int, index: float, share: float, size: tuple[int, int]) -> Planes:
    """Cut a frame out of the middle and enlarge it: the whole at the beginning, or at the end of every second shot."""
    along = max(0.0, index / max(1.0, share - 1))
    scale = 1 - (1 - 1 / ZOOM) * max(0.0, 1 - along if shot % 2 else along)
    width, height = _even(size[0] * scale), _even(size[1] * scale)
    part = planes.crop((size[0] - width) // 2, (size[1] - height) // 2, (width, height))
    return Planes.of(part.frame(), size)


def _edited(script: Script, edited: Medium) -> Iterator[Planes]:
    """Show the video as it is, then in the colour of the first reference, with a square that moves."""
    others = [medium for medium in script.media if medium is not edited]
    tint = _colour(others[0]) if others else VIOLET
    width, height = script.size
    side = _even(min(script.size) / 8)
    square = Image.new("L", (side, side), 255)
    begin = script.frames_per_second // 2
    for index, planes in enumerate(_input_frames(script, edited)):
        if index < begin:
            yield planes
            continue
        along = _even((index - begin) * width / 96 % (width - side))
        yield planes.tinted(*tint).stamped(square, along, _even(height / 8))


def _colour(medium: Medium) -> tuple[int, int]:
    small = stills.picture(medium, 1).resize((1, 1), Image.Resampling.BOX).convert("YCbCr")
    _, u, v = small.tobytes()
    return u, v


def _input_frames(script: Script, edited: Medium) -> Iterator[Planes]:
    """Yield the frames of a video at the output's rate; the last one stays until the end."""
    if edited.path is None:
        yield from repeat(stills.still(edited, 1, script.size), script.frames)
        return
    sent = 0
    shown: VideoFrame | None = None
    for at, frame in _decoded(edited.path):
        until = min(script.frames, round(at * script.frames_per_second))
        if shown is not None and sent < until:
            yield from repeat(Planes.of(shown, script.size), until - sent)
            sent = until
        if sent == script.frames:
            return
        shown = frame
    if shown is not None:
        yield from repeat(Planes.of(shown, script.size), script.frames - sent)


def _decoded(path: Path) -> Iterator[tuple[float, VideoFrame]]:
    """Yield the frames up to the first that is damaged, with their seconds after the first."""
    with av.open(str(path)) as container:
        first = None
        try:
            for frame in container.decode(video=0):
                at = frame.time or 0.0
                first = at if first is None else first
                yield at - first, frame
        except av.error.FFmpegError:
            return


def _even(value: float) -> int:
    return 2 * round(value / 2)

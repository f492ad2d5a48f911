"""Pictures in yuv420p, as H.264 has them: moving one costs a third of what it costs in RGB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from av.video.frame import VideoFrame
from PIL import Image

if TYPE_CHECKING:
    from av.video.plane import VideoPlane

WHITE, GREY = 235, 128
TURNS = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}


@dataclass(frozen=True, slots=True)
class Planes:
    """The brightness of a picture, and its two colours at half the width and height. Sizes are even."""

    y: Image.Image
    u: Image.Image
    v: Image.Image

    @classmethod
    def of(cls, frame: VideoFrame, size: tuple[int, int]) -> Planes:
        """Return a frame, turned as it is shown and scaled to ``size``."""
        turn = TURNS.get(frame.rotation % 360)
        sideways = frame.rotation % 180 != 0
        width, height = reversed(size) if sideways else size
        scaled = frame.reformat(width=width, height=height, format="yuv420p", interpolation="FAST_BILINEAR")
        parts = [_image(plane) for plane in scaled.planes]
        return cls(*(part.transpose(turn) for part in parts) if turn else parts)

    @classmethod
    def of_image(cls, picture: Image.Image) -> Planes:
        """Return an RGB picture of even size."""
        return cls.of(VideoFrame.from_image(picture), picture.size)  # type: ignore[no-untyped-call]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.y.size

    def frame(self) -> VideoFrame:
        """Return it as a frame for the encoder."""
        frame = VideoFrame(*self.size, "yuv420p")
        for plane, part in zip(frame.planes, (self.y, self.u, self.v), strict=True):
            row = part if plane.line_size == part.width else part.crop((0, 0, plane.line_size, part.height))
            plane.update(row.tobytes())
        return frame

    def crop(self, left: int, top: int, size: tuple[int, int]) -> Planes:
        """Return a part of even size."""
        width, height = size
        box = (left // 2, top // 2, left // 2 + width // 2, top // 2 + height // 2)
        return Planes(self.y.crop((left, top, left + width, top + height)), self.u.crop(box), self.v.crop(box))

    def blend(self, other: Planes, amount: float) -> Planes:
        """Return a mixture with a picture of the same size; ``amount`` from 0 to 1 is the other's share."""
        pairs = zip((self.y, self.u, self.v), (other.y, other.u, other.v), strict=True)
        return Planes(*(Image.blend(one, two, amount) for one, two in pairs))

    def tinted(self, u: int, v: int) -> Planes:
        """Return it in one colour."""
        return Planes(self.y, Image.new("L", self.u.size, u), Image.new("L", self.v.size, v))

    def stamped(self, mask: Image.Image, left: int, top: int) -> Planes:
        """Return it painted white through a mask; ``left``, ``top`` and the size of the mask are even."""
        small = mask.reduce(2)
        painted = Planes(self.y.copy(), self.u.copy(), self.v.copy())
        painted.y.paste(WHITE, (left, top), mask)
        for part in (painted.u, painted.v):
            part.paste(GREY, (left // 2, top // 2), small)
        return painted


def _image(plane: VideoPlane) -> Image.Image:
    size = (plane.width, plane.height)
    return Image.frombuffer("L", size, plane, "raw", "L", plane.line_size, 1)  # type: ignore[arg-type]

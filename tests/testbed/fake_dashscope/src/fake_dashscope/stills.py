"""The pictures that a video is made of: input images, first frames of videos, placeholders, and the watermark."""

from __future__ import annotations

import colorsys
import io
from typing import TYPE_CHECKING

import av
from PIL import Image, ImageDraw, ImageFont, ImageOps

from fake_dashscope.planes import Planes

if TYPE_CHECKING:
    from fake_dashscope.media import Medium

WATERMARK = "Happy Horse"
TEXT_ONLY = "Text to video"
TEXT_DIGEST = "0" * 8


def still(medium: Medium, number: int, size: tuple[int, int]) -> Planes:
    """Return the picture of an image or video, cut to ``size``."""
    return Planes.of_image(ImageOps.fit(picture(medium, number), size, Image.Resampling.BICUBIC))


def picture(medium: Medium, number: int) -> Image.Image:
    """Return the picture of an image, the first of a video, or a placeholder."""
    if medium.path is None:
        return _placard(medium.digest, f"{medium.kind.capitalize()} {number}", medium.label)
    if medium.kind == "video":
        with av.open(str(medium.path)) as container:
            return next(container.decode(video=0)).to_image()  # type: ignore[no-any-return, no-untyped-call]
    with Image.open(io.BytesIO(medium.path.read_bytes())) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def title(size: tuple[int, int]) -> Planes:
    """Return the picture of a video without media."""
    return Planes.of_image(ImageOps.fit(_placard(TEXT_DIGEST, TEXT_ONLY, ""), size, Image.Resampling.BICUBIC))


def mark(size: tuple[int, int]) -> Image.Image:
    """Return the mask of the watermark for a video of ``size``."""
    font = ImageFont.load_default(max(16, min(size) // 26))
    left, top, right, bottom = font.getbbox(WATERMARK)
    margin = min(size) // 36
    width, height = (2 * round((length + 2 * margin) / 2) for length in (right - left, bottom - top))
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).text((margin - left, margin - top), WATERMARK, 200, font)
    return mask


def _placard(digest: str, heading: str, label: str) -> Image.Image:
    hue = int(digest[:4], 16) / 0xFFFF
    dark, light = (tuple(round(255 * part) for part in colorsys.hls_to_rgb(hue, level, 0.45)) for level in (0.25, 0.65))
    drawn = ImageOps.colorize(Image.linear_gradient("L").resize((1280, 720)), dark, light)
    pen = ImageDraw.Draw(drawn)
    width, height = drawn.size
    pen.text((width / 2, height * 0.45), heading, "white", ImageFont.load_default(120), anchor="mm")
    shown = label.encode("ascii", "replace").decode()[:48]
    pen.text((width / 2, height * 0.6), shown, "white", ImageFont.load_default(32), anchor="mm")
    return drawn

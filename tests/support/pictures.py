"""Real pictures of any size, format and kind, made with Pillow."""

from __future__ import annotations

import base64
import io
import random
from functools import cache
from typing import Any

from gallop.domain.media_rules import ImageRules
from PIL import Image
from pillow_heif import register_heif_opener

register_heif_opener()

# Those of reference images.
RULES = ImageRules(short_side=400, max_aspect=None, max_bytes=20 * 1024**2)
# What encoders of phones do in hardware takes a tenth of the time so, and is no less valid.
QUICKLY: dict[str, dict[str, Any]] = {"HEIF": {"enc_params": {"preset": "ultrafast"}}, "AVIF": {"speed": 10}}
EXIF_ORIENTATION = 0x0112
ROTATED_BY_90 = 6


@cache
def picture(form: str = "JPEG", width: int = 640, height: int = 480, shade: int = 128) -> bytes:
    """Give the bytes of a picture; pictures of different ``shade`` (0 to 255) have different bytes."""
    return encoded(Image.new("RGB", (width, height), (shade, 90, 160)), form)


@cache
def rotated(width: int, height: int) -> bytes:
    """Return a JPEG of the given stored size whose orientation tag turns it on its side."""
    return turned(Image.new("RGB", (width, height), (10, 200, 30)), ROTATED_BY_90)


def turned(image: Image.Image, orientation: int, form: str = "JPEG") -> bytes:
    """Encode pixels that ask to be shown another way round, as cameras write them."""
    exif = image.getexif()
    exif[EXIF_ORIENTATION] = orientation
    return encoded(image, form, exif=exif.tobytes())


@cache
def animated(form: str, frames: int = 2, **how: Any) -> bytes:  # noqa: ANN401 - Pillow's options
    """Return an animation of the given number of frames."""
    first, *others = (Image.new("RGB", (480, 480), (shade * 40, 0, 0)) for shade in range(frames))
    return encoded(first, form, save_all=True, append_images=others, **how)


@cache
def corners(width: int = 640, height: int = 480) -> Image.Image:
    """Give a picture whose four corners are red, green, blue and white, from the top left by rows."""
    image = Image.new("RGB", (width, height), "black")
    for place, colour in zip(
        ((0, 0), (width // 2, 0), (0, height // 2), (width // 2, height // 2)),
        ("red", "lime", "blue", "white"),
        strict=True,
    ):
        image.paste(colour, (*place, place[0] + width // 2, place[1] + height // 2))
    return image


def seen(image: Image.Image) -> list[str]:
    """Name the colours of the four corners, as ``corners`` made them."""
    right, bottom = image.width - 1, image.height - 1
    rgb = image.convert("RGB")
    return [_name(rgb.getpixel(place)) for place in ((0, 0), (right, 0), (0, bottom), (right, bottom))]


@cache
def noise(width: int, height: int, mode: str = "RGB", seed: int = 1) -> Image.Image:
    """Give a picture that no format makes smaller."""
    size = width * height * len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (width, height), random.Random(seed).randbytes(size))


def encoded(image: Image.Image, form: str, **how: Any) -> bytes:  # noqa: ANN401 - Pillow's options
    """Encode a picture."""
    stream = io.BytesIO()
    image.save(stream, form, **{**QUICKLY.get(form, {}), **how})
    return stream.getvalue()


def decoded(data: bytes) -> Image.Image:
    """Decode a picture."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def data_uri(data: bytes, media_type: str = "image/jpeg") -> str:
    """Write bytes as a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _name(colour: Any) -> str:  # noqa: ANN401 - Pillow's pixel
    known = {(1, 0, 0): "red", (0, 1, 0): "green", (0, 0, 1): "blue", (1, 1, 1): "white"}
    return known.get(tuple(round(value / 255) for value in colour), str(colour))

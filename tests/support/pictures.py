"""Real pictures of any size and format, made with Pillow."""

from __future__ import annotations

import base64
import io
from functools import cache

from PIL import Image

EXIF_ORIENTATION = 0x0112
ROTATED_BY_90 = 6


@cache
def picture(form: str = "JPEG", width: int = 640, height: int = 480, shade: int = 128) -> bytes:
    """Give the bytes of a picture; pictures of different ``shade`` (0 to 255) have different bytes."""
    return encoded(Image.new("RGB", (width, height), (shade, 90, 160)), form)


@cache
def rotated(width: int, height: int) -> bytes:
    """Give a JPEG of so many stored pixels that asks to be shown lying on its side."""
    image = Image.new("RGB", (width, height), (10, 200, 30))
    exif = image.getexif()
    exif[EXIF_ORIENTATION] = ROTATED_BY_90
    stream = io.BytesIO()
    image.save(stream, "JPEG", exif=exif)
    return stream.getvalue()


@cache
def animated(form: str) -> bytes:
    """Give a picture of two frames."""
    frames = [Image.new("RGB", (480, 480), (shade, 0, 0)) for shade in (0, 200)]
    stream = io.BytesIO()
    frames[0].save(stream, form, save_all=True, append_images=frames[1:])
    return stream.getvalue()


def encoded(image: Image.Image, form: str) -> bytes:
    """Encode a picture."""
    stream = io.BytesIO()
    image.save(stream, form)
    return stream.getvalue()


def data_uri(data: bytes, media_type: str = "image/jpeg") -> str:
    """Write bytes as a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"

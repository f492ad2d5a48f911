"""Images of full size in which a part was never written, or overwritten: decoders take them silently."""

from __future__ import annotations

import random
import struct
from fractions import Fraction
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

import av
import pytest
from gallop.domain.faults import Fault
from gallop.media import pictures, reading, webp
from PIL import Image, ImageFilter

from tests.support.heif_files import tiled
from tests.support.pictures import RULES, corners, encoded, noise
from tests.unit.media.test_pictures import is_as_it_came, problem_of, usable

if TYPE_CHECKING:
    from collections.abc import Callable

DAMAGED = "is damaged or incomplete"
FILLS: dict[str, Callable[[int], bytes]] = {
    "zeros": bytes,
    "ones": lambda size: b"\xff" * size,
    "others": lambda size: random.Random(size).randbytes(size),
}
WEBPS: dict[str, dict[str, Any]] = {
    "lossy": {"quality": 80},
    "coarse": {"quality": 5, "alpha_quality": 30},
    "lossless": {"lossless": True},
    "quick": {"lossless": True, "method": 0},
}
# Where a part is missing, as shares of the image's data: in its middle, and at its end.
PARTS = [(0.3, 0.5), (0.6, 0.7), (0.2, 1.0), (0.8, 1.0)]


@cache
def scene(width: int = 480, height: int = 420, mode: str = "RGB") -> Image.Image:
    """Give a picture like a photo: coarse and fine shapes, and a plain area."""
    image = noise(width, height).filter(ImageFilter.GaussianBlur(3))
    image.paste("white", (0, height // 2, width // 3, height))
    if mode == "RGBA":
        image.putalpha(noise(width, height, "L").filter(ImageFilter.GaussianBlur(9)))
    return image


def holed(data: bytes, start: int, part: tuple[float, float], fill: str) -> bytes:
    """Overwrite a part of what comes after ``start``."""
    first, last = (start + int((len(data) - start) * share) for share in part)
    return data[:first] + FILLS[fill](last - first) + data[last:]


@pytest.mark.parametrize("how", WEBPS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_hollow_webp_is_damaged(mode: str, how: str) -> None:
    """In its pixels or its alpha channel, which comes before them."""
    data = encoded(scene(mode=mode), "WEBP", **WEBPS[how])
    assert is_as_it_came(data)
    for fill, part in product(FILLS, PARTS):
        assert DAMAGED == problem_of(holed(data, 40, part, fill)), (fill, part)


def test_a_hollow_alpha_channel_is_damaged() -> None:
    """The pixels behind it are whole."""
    data = encoded(scene(mode="RGBA"), "WEBP")
    start = data.index(b"ALPH") + 8
    size = int.from_bytes(data[start - 4 : start], "little")
    for fill in FILLS:
        assert DAMAGED == problem_of(holed(data[: start + size], start, (0.5, 0.9), fill) + data[start + size :])


def test_a_hollow_frame_is_damaged() -> None:
    """An animation of one frame is a still image."""
    data = framed(encoded(scene(), "WEBP"))
    assert is_as_it_came(data)
    assert DAMAGED == problem_of(holed(data, data.index(b"VP8 ") + 40, (0.3, 0.9), "zeros"))


def framed(data: bytes) -> bytes:
    """Write a lossy image as an animation of one frame."""
    sides = [(side - 1).to_bytes(3, "little") for side in scene().size]
    frame = b"".join((bytes(6), *sides, bytes(4))) + data[12:]
    chunks = [(b"VP8X", b"\2\0\0\0" + b"".join(sides)), (b"ANIM", bytes(6)), (b"ANMF", frame)]
    body = b"WEBP" + b"".join(name + len(content).to_bytes(4, "little") + content for name, content in chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def by_libvpx(image: Image.Image, slices: int) -> bytes:
    """Write a WEBP with a video encoder, which can divide its data into partitions."""
    context: Any = av.CodecContext.create("libvpx", "w")
    context.width, context.height = image.size
    context.pix_fmt, context.time_base, context.options = "yuv420p", Fraction(1, 1), {"slices": str(slices), "crf": "9"}
    frames: Any = av.VideoFrame
    frame = frames.from_image(image).reformat(format="yuv420p")
    frame.pts = 0
    content = bytes([*context.encode(frame), *context.encode(None)][0])
    body = b"WEBPVP8 " + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


@pytest.mark.parametrize("slices", [1, 2, 4, 8])
def test_each_partition_of_a_webp_is_checked(slices: int) -> None:
    """They belong to different rows, so that a hole in one leaves the others whole."""
    data = by_libvpx(scene(), slices)
    assert is_as_it_came(data)
    first = 30 + (int.from_bytes(data[20:23], "little") >> 5)
    for share in range(1, 2 * slices, 2):
        place = share / (2 * slices)
        assert DAMAGED == problem_of(holed(data, first + 24, (place, place + 0.02), "zeros"))


@pytest.mark.parametrize("quality", [1, 50, 75, 100])
@pytest.mark.parametrize("method", [0, 3])
def test_a_whole_webp_is_taken(method: int, quality: int) -> None:
    """However plain or fine it is: noise, shapes, one colour, and a little of each, with alpha and without."""
    dotted = Image.new("RGB", (640, 480), "black")
    dotted.putpixel((300, 200), (255, 255, 255))
    for image in (
        scene(),
        scene(mode="RGBA"),
        noise(403, 401),
        corners(),
        Image.new("RGB", (400, 900), "white"),
        dotted,
    ):
        for lossless in (False, True):
            assert is_as_it_came(encoded(image, "WEBP", method=method, quality=quality, lossless=lossless))


def test_a_large_plain_webp_is_taken() -> None:
    """Its data has long runs of zeros."""
    image = Image.new("RGB", (5000, 4000), "black")
    image.paste(scene(), (100, 3000))
    assert is_as_it_came(encoded(image, "WEBP", method=0))


def test_a_webp_is_checked_within_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is decoded again for each of its partitions."""
    data = by_libvpx(scene(), 8)
    monkeypatch.setattr(reading, "SECONDS", -1)
    with pytest.raises(reading.OutOfTimeError):
        webp.check(data, reading.TimedReader(data))


STILLS: dict[str, tuple[str, dict[str, Any]]] = {
    "HEIC": ("HEIF", {"quality": 60}),
    "fine HEIC": ("HEIF", {"quality": 95}),
    "AVIF": ("AVIF", {"quality": 60, "speed": 10}),
}


@pytest.mark.parametrize("kind", STILLS)
def test_a_hollow_still_is_damaged(kind: str) -> None:
    """What decoders make of it has the right size."""
    form, how = STILLS[kind]
    data = encoded(scene(), form, **how)
    for fill, part in product(("zeros", "ones"), PARTS):
        assert DAMAGED == problem_of(holed(data, data.index(b"mdat") + 40, part, fill)), (fill, part)


@pytest.mark.parametrize("fill", ["zeros", "ones"])
def test_a_still_with_a_hollow_tile_is_damaged(fill: str) -> None:
    """The others are whole."""
    data = tiled(scene(640, 640))
    assert usable(data)
    for share in (0.1, 0.35, 0.6, 0.85):
        assert DAMAGED == problem_of(holed(data, data.index(b"mdat") + 40, (share, share + 0.08), fill))


def test_most_stills_with_other_bytes_are_damaged() -> None:
    """By chance some end where the image does."""
    found = 0
    for form, how in STILLS.values():
        data = encoded(scene(), form, **how)
        for part in PARTS:
            hollow = holed(data, data.index(b"mdat") + 40, part, "others")
            found += isinstance(pictures.examine("2.jpg", hollow, RULES), Fault)
    assert found >= len(STILLS) * len(PARTS) - 2


def test_a_camera_may_fill_up_a_still() -> None:
    """With a unit of ones behind the pixels."""
    data = encoded(scene(), "HEIF", quality=60)
    unit = struct.pack(">IH", 4003, 0x4C01) + b"\xff" * 4000 + b"\x80"
    start = data.index(b"mdat") + 4
    assert b"\0\0\0\0" not in unit
    places = data.index(b"iloc")
    size = struct.pack(">I", len(data) - start)
    assert 1 == data[places : start - 4].count(size)
    place = data.index(size, places)
    longer = data[:place] + struct.pack(">I", len(data) - start + len(unit)) + data[place + 4 :]
    longer = longer[: start - 8] + struct.pack(">I", len(data) - start + 8 + len(unit)) + longer[start - 4 :]
    assert usable(longer + unit)


@pytest.mark.parametrize("kind", STILLS)
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_a_whole_still_is_taken(kind: str, mode: str) -> None:
    """However plain it is."""
    form, how = STILLS[kind]
    for image in (scene(), noise(403, 401), corners(), Image.new("RGB", (640, 480), "white")):
        assert usable(encoded(image.convert(mode), form, **how))


@pytest.mark.parametrize("form", ["BMP", "TIFF"])
@pytest.mark.parametrize("fill", ["zeros", "ones"])
def test_uncompressed_rows_that_were_never_written_are_damaged(form: str, fill: str) -> None:
    """They begin, and in the middle of the file end, within a row that is unlike them."""
    data = encoded(noise(481, 420).point(lambda value: 40 + value * 3 // 4), form)
    for part in ((0.31, 1.0), (0.71, 1.0), (0.41, 0.52)):
        assert DAMAGED == problem_of(holed(data, 200, part, fill))


@pytest.mark.parametrize("form", ["BMP", "TIFF"])
@pytest.mark.parametrize("colour", ["black", "white"])
def test_plain_areas_of_uncompressed_images_are_taken(form: str, colour: str) -> None:
    """Above, below or beside the rest, with straight or slanting edges, in a frame or not."""
    for angle in (0, 0.05, 1, 30):
        image = scene().rotate(angle, fillcolor=colour)
        for place in ((0, 0), (0, 300), (60, 150), (400, 0)):
            page = Image.new("RGB", (900, 900), colour)
            page.paste(image, place)
            assert usable(encoded(page, form))
    assert usable(encoded(Image.new("RGB", (400, 400), colour), form))

"""Images over DashScope's 20 MB, which are reduced to fit: seconds of work each."""

from __future__ import annotations

import struct

import pytest
from gallop.domain.media_rules import MEBIBYTE, ImageRules
from gallop.domain.request.images import Usable
from gallop.media import inspect_image
from PIL import Image

from tests.support.pictures import decoded, encoded, noise, picture, turned
from tests.unit.media.test_pictures import LIMIT, problem_of, usable

SHAPED = ImageRules(short_side=300, max_aspect=2.5, max_bytes=20 * MEBIBYTE)


def test_an_image_over_20_mb_is_reduced() -> None:
    """A PNG of 21 MB becomes a JPEG of the same size in pixels."""
    data = encoded(noise(2700, 2700), "PNG", compress_level=1)
    assert LIMIT < len(data)
    made = usable(data)
    assert (2700, 2700) == decoded(made.data).size
    expected = f"2.jpg: reduced from {len(data) / 1024**2:.1f} MB (PNG) to {len(made.data) / 1024**2:.1f} MB (JPEG)"
    assert expected == made.note


def test_an_image_too_large_for_any_quality_is_scaled() -> None:
    """Its pixels are halved until it fits; this one is transparent, and stays so."""
    data = encoded(noise(2600, 2600, "RGBA"), "PNG", compress_level=0)
    made = usable(data)
    assert "PNG" == decoded(made.data).format
    assert "RGBA" == decoded(made.data).mode
    assert (1838, 1838) == decoded(made.data).size
    assert made.note.endswith("scaled from 2600 x 2600 to 1838 x 1838 px")


def shaped(data: bytes) -> tuple[int, int]:
    """Return the size of what is made of an image that may be 2.5 times as long as it is high."""
    result = inspect_image.examine("first_frame", data, SHAPED)
    assert isinstance(result, Usable), result
    return decoded(result.data).size


@pytest.mark.parametrize("size", [(4000, 1600), (1600, 4000), (3995, 1598)])
def test_an_image_of_the_longest_shape_keeps_it_when_it_is_scaled(size: tuple[int, int]) -> None:
    """DashScope would refuse one that rounding makes longer."""
    width, height = shaped(encoded(noise(*size, "RGBA"), "PNG", compress_level=0))
    assert max(width, height) <= 2.5 * min(width, height)
    assert pytest.approx(size[0] * 0.5**0.5, abs=1) == width


@pytest.mark.parametrize("size", [(16_005, 6402), (6402, 16_005)])
def test_a_halved_jpeg_of_the_longest_shape_keeps_it(size: tuple[int, int]) -> None:
    """Decoders round up both sides."""
    width, height = shaped(encoded(Image.new("L", size, 90), "JPEG"))
    assert (8002, 3201) == (max(width, height), min(width, height))


def test_an_image_that_cannot_be_reduced_enough_is_refused() -> None:
    """The shorter side stays at 400 px or more."""
    data = encoded(noise(401, 17000, "RGBA"), "PNG", compress_level=0)
    assert "cannot be reduced to 20 MB unless its shorter side falls below 400 px" == problem_of(data)


@pytest.mark.parametrize(("width", "height"), [(12_000, 9_000), (16_384, 12_288)])
def test_a_jpeg_of_the_largest_phones_is_halved(width: int, height: int) -> None:
    """With 108 or 200 million pixels: they are never decoded in full."""
    made = usable(encoded(Image.new("L", (width, height), 90), "JPEG"))
    assert f"2.jpg: scaled from {width} x {height} to {width // 2} x {height // 2} px" == made.note
    assert (width // 2, height // 2) == decoded(made.data).size


def test_a_halved_jpeg_is_turned_upright() -> None:
    """The note names its size as it is seen."""
    note = usable(turned(Image.new("L", (12_000, 9_000)), 6)).note
    assert note.endswith("scaled from 9000 x 12000 to 4500 x 6000 px")


def test_a_jpeg_beyond_the_largest_phones_is_refused() -> None:
    """Before any of it is decoded."""
    data = bytearray(picture())
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", 16_000, 16_000)
    assert "is 16000 x 16000 px (256 million pixels); the maximum is 250 million pixels" == problem_of(bytes(data))

"""Which pictures DashScope can use, told from their bytes."""

from __future__ import annotations

import pytest
from gallop.domain import catalogue, images
from gallop.errors import Fault
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.pictures import animated, encoded, picture, rotated


def problem_of(data: bytes) -> str:
    """Check a picture that must be refused; gives the problem."""
    fault = images.check("here", data)
    assert isinstance(fault, Fault)
    assert "here" == fault.where
    assert fault.remedy
    return fault.problem


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(400, 400), (400, 4000), (4000, 400), (1280, 720)])
def test_the_three_formats_are_taken_from_400_pixels_on(form: str, size: tuple[int, int]) -> None:
    """JPEG, PNG and WEBP with a shorter side of 400 px are what DashScope asks for; no longest side is known."""
    assert images.check("here", picture(form, *size)) is None
    assert form == images.format_of(picture(form, *size))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(("width", "height"), [(399, 400), (400, 399), (300, 300), (1, 1)])
def test_a_small_picture_is_measured(form: str, width: int, height: int) -> None:
    """The answer says how large the picture is and how large it must be."""
    expected = f"is {width} x {height} px; its shorter side has {min(width, height)} px, and 400 are needed"
    assert expected == problem_of(picture(form, width, height))


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "PPM"])
def test_another_format_is_refused_by_content(form: str) -> None:
    """What DashScope does not take is refused, whatever the file is called."""
    assert "is not a JPEG, PNG or WEBP image" in problem_of(picture(form))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"This is a text that was renamed to girl.jpg.",
        b"<html></html>",
        b"RIFF\0\0\0\0WAVE",
        b"%PDF-1.7",
        b"\xff\xd8",
    ],
)
def test_a_text_named_like_a_picture_is_refused(data: bytes) -> None:
    """The name of a file is no evidence."""
    assert "is not a JPEG, PNG or WEBP image" in problem_of(data)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_that_breaks_off_before_its_size_is_damaged(form: str) -> None:
    """A file of which only the beginning arrived is refused, in words."""
    assert "is damaged: it does not say how large the picture is" == problem_of(picture(form)[:14])


def test_the_limit_of_20_mb_is_exact() -> None:
    """20 MB are taken, one byte more is not."""
    padding = bytes(catalogue.IMAGE_BYTES_AT_MOST - len(picture()))
    assert images.check("here", picture() + padding) is None
    assert "has 20.0 MB; 20 MB is the most" == problem_of(picture() + padding + b"\0")
    assert "has 45.3 MB; 20 MB is the most" == images.too_large("here", 47_500_000).problem


def test_a_picture_that_lies_on_its_side_is_taken() -> None:
    """The shorter side is the same, whichever way a picture is shown."""
    assert images.check("here", rotated(400, 640)) is None
    assert "is 300 x 640 px" in problem_of(rotated(300, 640)).replace("640 x 300", "300 x 640")


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_a_moving_picture_of_a_known_format_is_taken(form: str) -> None:
    """An animated PNG or WEBP is a valid file of its format: which frame is used is DashScope's to say."""
    assert images.check("here", animated(form)) is None


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_pictures_for_print_and_in_grey_are_taken(mode: str) -> None:
    """No colour space is excluded by the documents."""
    assert images.check("here", encoded(Image.new(mode, (480, 480)), "JPEG")) is None


@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.integers(0, 2000), st.binary(max_size=64), st.integers(0, 600))
def test_no_damage_breaks_the_check(form: str, length: int, noise: bytes, place: int) -> None:
    """Cut anywhere, overwritten anywhere: out comes a verdict."""
    data = bytearray(picture(form))
    data[place : place + len(noise)] = noise
    assert isinstance(images.check("here", bytes(data[:length])), Fault | None)


@given(st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"]), st.binary(max_size=200))
def test_no_bytes_break_the_check(head: bytes, rest: bytes) -> None:
    """A file that only begins like a picture: out comes a verdict."""
    assert isinstance(images.check("here", head + rest), Fault | None)


def test_an_image_is_named_by_its_content() -> None:
    """SHA-256, in hexadecimal."""
    assert "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" == images.sha256(b"abc")

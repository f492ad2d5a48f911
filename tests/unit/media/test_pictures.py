"""Which images DashScope accepts, which are converted and which are refused, according to their bytes."""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain import models
from gallop.domain.faults import Fault
from gallop.domain.request.images import Usable
from gallop.media import pictures
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from tests.support.pictures import (
    RULES,
    animated,
    corners,
    decoded,
    encoded,
    noise,
    picture,
    rotated,
    seen,
    turned,
)

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = RULES.max_bytes
MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
RAINBOW = ["red", "green", "blue", "white"]
TRANSPARENT = Image.new("RGBA", (640, 480), (200, 10, 10, 128))
# How each orientation of EXIF 2.3 is stored: what a camera does to the upright picture.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def problem_of(data: bytes) -> str:
    """Inspect an image that must be refused; return the problem."""
    fault = pictures.examine("2.jpg", data, RULES)
    assert isinstance(fault, Fault)
    assert "2.jpg" == fault.pointer
    assert fault.remedy.endswith(".")
    return fault.detail


def usable(data: bytes) -> Usable:
    """Inspect an image that must be accepted, within DashScope's limits."""
    found = pictures.examine("2.jpg", data, RULES)
    assert isinstance(found, Usable), found
    assert LIMIT >= len(found.data)
    assert found.media_type == MEDIA_TYPES[str(decoded(found.data).format)]
    return found


def made_of(data: bytes, note: str) -> Image.Image:
    """Inspect an image that must be converted to a valid one; return the result."""
    found = usable(data)
    assert f"2.jpg: {note}" == found.note
    assert Usable(found.data, found.media_type) == pictures.examine("again", found.data, RULES)
    made = decoded(found.data)
    assert {} == dict(made.getexif())
    return made


def is_as_it_came(data: bytes) -> bool:
    """Return whether an image is accepted unchanged."""
    found = usable(data)
    return (data, "") == (found.data, found.note)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(400, 400), (400, 4000), (4000, 400), (1280, 720)])
def test_the_three_formats_are_accepted_from_400_pixels(form: str, size: tuple[int, int]) -> None:
    """DashScope requires JPEG, PNG or WEBP with a shorter side of at least 400 px; it documents no maximum."""
    assert is_as_it_came(picture(form, *size))


@pytest.mark.parametrize(
    ("form", "mode"),
    [("JPEG", "L"), ("PNG", "1"), ("PNG", "L"), ("PNG", "LA"), ("PNG", "P"), ("PNG", "RGBA"), ("WEBP", "RGBA")],
)
def test_grey_palettes_and_transparency_are_accepted(form: str, mode: str) -> None:
    """Every screen mode of the three formats stays unchanged."""
    assert is_as_it_came(encoded(TRANSPARENT.convert(mode), form))


def test_a_palette_with_a_transparent_colour_is_accepted() -> None:
    """Editors for small images save it."""
    assert is_as_it_came(encoded(corners().convert("P"), "PNG", transparency=0))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_with_a_second_image_is_accepted(progressive: bool) -> None:
    """Phones store a depth or gain map in the same file (MPO); the first image is used."""
    second = Image.new("RGB", (480, 480))
    data = encoded(corners(), "MPO", save_all=True, append_images=[second], progressive=progressive)
    assert "MPO" == decoded(data).format
    assert Usable(data, "image/jpeg") == pictures.examine("2.jpg", data, RULES)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize(("width", "height"), [(399, 400), (400, 399), (64, 64)])
def test_a_small_image_is_measured(form: str, width: int, height: int) -> None:
    """The message has the size of the image and the minimum."""
    expected = f"is {width} x {height} px; the shorter side must be at least 400 px"
    assert expected == problem_of(picture(form, width, height))


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_an_image_is_rotated_upright(form: str, orientation: int) -> None:
    """An image that was stored rotated or mirrored is shown upright by every reader."""
    note = {3: "rotated upright (the camera stored it upside down)"}.get(
        orientation,
        "mirrored (the camera stored a mirror image)"
        if orientation in (2, 4)
        else "rotated upright (the camera stored it sideways)",
    )
    to = {"TIFF": ", converted from TIFF to PNG", "WEBP": ", converted from WEBP to JPEG"}.get(form, "")
    made = made_of(turned(corners().transpose(STORED[orientation]), orientation, form), note + to)
    assert ((640, 480), RAINBOW) == (made.size, seen(made))


@pytest.mark.parametrize("orientation", [0, 1, 9, 4000])
def test_an_upright_image_is_not_changed(orientation: int) -> None:
    """Neither an orientation of 1 nor an invalid one changes anything."""
    assert is_as_it_came(turned(corners(), orientation))


def test_an_image_is_measured_in_any_orientation() -> None:
    """The shorter side is the same."""
    assert usable(rotated(400, 640)).note
    assert "the shorter side must be at least 400 px" in problem_of(rotated(300, 640))


@pytest.mark.parametrize(("form", "name"), [("BMP", "BMP"), ("TIFF", "TIFF"), ("GIF", "GIF")])
def test_lossless_formats_stay_lossless(form: str, name: str) -> None:
    """BMP, TIFF and a GIF without animation become PNG."""
    made = made_of(encoded(corners(), form), f"converted from {name} to PNG")
    assert ("PNG", RAINBOW) == (made.format, seen(made))


@pytest.mark.parametrize(("form", "name"), [("HEIF", "HEIC"), ("AVIF", "AVIF")])
def test_phone_formats_become_jpeg(form: str, name: str) -> None:
    """DashScope does not support HEIC and AVIF."""
    made = made_of(encoded(corners(), form), f"converted from {name} to JPEG")
    assert ("JPEG", RAINBOW) == (made.format, seen(made))


@pytest.mark.parametrize("form", ["HEIF", "AVIF"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_phone_formats_are_rotated_upright(form: str, orientation: int) -> None:
    """The rotation that HEIC and AVIF declare in their own way is applied once."""
    found = usable(turned(corners().transpose(STORED[orientation]), orientation, form))
    made = decoded(found.data)
    assert ((640, 480), RAINBOW) == (made.size, seen(made))


@pytest.mark.parametrize("form", ["HEIF", "AVIF", "TIFF", "GIF"])
def test_transparency_survives_the_conversion(form: str) -> None:
    """The result is a PNG with transparency."""
    image = TRANSPARENT.copy()
    image.paste((0, 0, 0, 0), (0, 0, 100, 100))
    made = decoded(usable(encoded(image, form)).data)
    assert "PNG" == made.format
    assert "RGBA" == made.mode
    assert (0, 0, 0, 0) == made.getpixel((50, 50))


def test_an_unused_alpha_channel_is_dropped() -> None:
    """A HEIC in which every pixel is opaque becomes a JPEG."""
    data = encoded(corners().convert("RGBA"), "HEIF")
    assert "JPEG" == made_of(data, "converted from HEIC to JPEG").format


def test_the_primary_image_of_a_burst_is_used() -> None:
    """A HEIC may contain several images, of which the camera marked one as primary."""
    data = encoded(corners(), "HEIF", save_all=True, append_images=[Image.new("RGB", (480, 480))], primary_index=0)
    made = made_of(data, "only its main image used, converted from HEIC to JPEG")
    assert RAINBOW == seen(made)


def test_print_colours_are_converted_to_screen_colours() -> None:
    """A JPEG in CMYK, which Adobe's programs save inverted, keeps its colours."""
    made = made_of(encoded(corners().convert("CMYK"), "JPEG"), "colours converted from CMYK to sRGB")
    assert ("RGB", RAINBOW) == (made.mode, seen(made))


def test_a_lab_image_is_converted_for_a_screen() -> None:
    """Print programs save TIFFs in Lab."""
    lab = ImageCms.profileToProfile(
        corners(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    note = "colours converted from LAB to sRGB, converted from TIFF to PNG"
    assert RAINBOW == seen(made_of(encoded(lab, "TIFF"), note))


def test_colours_follow_the_profile_in_the_file() -> None:
    """A converted image is brought from its own profile to sRGB; an invalid profile does no harm."""
    swapped = encoded(corners(), "TIFF", icc_profile=profile_with_red_and_blue_swapped())
    assert ["blue", "green", "red", "white"] == seen(made_of(swapped, "converted from TIFF to PNG"))
    broken = encoded(corners(), "TIFF", icc_profile=b"no profile at all")
    assert RAINBOW == seen(made_of(broken, "converted from TIFF to PNG"))


def profile_with_red_and_blue_swapped() -> bytes:
    """Return sRGB's own profile with two primaries exchanged and another name."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return (
        profile.replace(b"rXYZ", b"tmp1")
        .replace(b"bXYZ", b"rXYZ")
        .replace(b"tmp1", b"bXYZ")
        .replace("sRGB".encode("utf-16-be"), "made".encode("utf-16-be"))
        .replace(b"sRGB", b"made")
    )


@pytest.mark.parametrize(
    ("mode", "white"), [("I;16", 65535), ("I", 65535), ("I", 255), ("F", 1.0), ("F", 255.0), ("F", 90000.0)]
)
def test_fine_shades_of_grey_become_256(mode: str, white: float) -> None:
    """Scanners and laboratories save grey with 16 or 32 bits, or as floats."""
    image = Image.new(mode, (640, 480), 0)
    image.paste(Image.new(mode, (320, 480), white if mode == "F" else int(white)), (320, 0))
    made = made_of(encoded(image, "TIFF"), "reduced to 8 bits per channel, converted from TIFF to PNG")
    assert "L" == made.mode
    assert 0 == made.getpixel((0, 0))
    assert 255 == made.getpixel((639, 0))


def test_a_png_of_16_bits_becomes_one_of_8() -> None:
    """The image is grey, or in colour."""
    grey = encoded(Image.new("I;16", (640, 480), 65535), "PNG")
    assert 255 == made_of(grey, "reduced to 8 bits per channel").getpixel((0, 0))


def test_a_large_file_is_converted_without_another_change() -> None:
    """An uncompressed TIFF of 27 MB is a small PNG."""
    data = encoded(corners(3000, 3000), "TIFF")
    assert f"2.jpg: reduced from {len(data) / 1024**2:.1f} MB (TIFF) to 33 KB (PNG)" == usable(data).note


def test_the_limit_of_20_mb_is_exact() -> None:
    """A file of 20 MB is not changed, one more byte is converted."""
    padding = bytes(LIMIT - len(picture()))
    assert is_as_it_came(picture() + padding)
    assert "2.jpg: reduced from 20.0 MB (JPEG) to 9 KB (JPEG)" == usable(picture() + padding + b"\0").note


def test_what_is_not_even_looked_into_is_told_so() -> None:
    """At most 100 MB are read, and at most 100 million pixels are decoded."""
    assert "is too large: 100.0 MB; the maximum is 100 MB" == problem_of(picture() + bytes(models.MAX_PICTURE_BYTES))
    bomb = encoded(Image.new("1", (20_000, 20_000)), "PNG")
    assert len(bomb) < 100_000
    assert "is 20000 x 20000 px (400 million pixels); the maximum is 100 million pixels" == problem_of(bomb)


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("frames", [2, 5])
def test_an_animation_is_refused(form: str, frames: int) -> None:
    """Only the owner knows which frame is meant."""
    assert f"is an animation ({frames} frames); a still image is required" == problem_of(animated(form, frames))


def test_several_pages_are_refused() -> None:
    """The example is a TIFF of several pages; a thumbnail in it does not count as a page."""
    assert "has 3 pages; a single image is required" == problem_of(animated("TIFF", 3))
    thumbnail = Image.new("RGB", (64, 48))
    tags = ImageFileDirectory_v2()
    tags[254] = 1
    thumbnail.encoderinfo = {"tiffinfo": tags}
    data = encoded(corners(), "TIFF", save_all=True, append_images=[thumbnail])
    assert RAINBOW == seen(made_of(data, "converted from TIFF to PNG"))


def test_a_cameras_raw_file_is_refused() -> None:
    """It is a TIFF whose first image is a thumbnail, which must not be used."""
    tags = ImageFileDirectory_v2()
    tags[50706] = b"\1\4\0\0"
    data = encoded(corners(), "TIFF", tiffinfo=tags)
    assert problem_of(data).endswith("its content looks like a camera's raw file")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"This is a text that was renamed to girl.jpg.", "a text file"),
        ("Grüße, ".encode() * 1000, "a text file"),
        ("Eine Frau lächelt.".encode("utf-16"), "a text file"),
        (b"<!DOCTYPE html><html><body>Not found", "a web page"),
        (b"\xef\xbb\xbf<html></html>", "a web page"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"<svg/>", "an SVG drawing"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"8BPS\0\1", "a Photoshop file"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "a video"),
        (b"\0\0\0\x14ftypqt  \0\0\2\0", "a video"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "a camera's raw file"),
        (b"FUJIFILMCCD-RAW 0201", "a camera's raw file"),
        (b"RIFF\0\0\0\0WAVEfmt ", "an audio file"),
        (b"PK\3\4\x14\0\6\0", "a ZIP archive or an office document"),
        (b"\x7fELF\2\1\1\0", "an unknown file type"),
        (b"\xff\xfe\0\xdc..", "an unknown file type"),
    ],
)
def test_a_file_that_is_not_an_image_is_named(data: bytes, what: str) -> None:
    """The format is recognised by the bytes, because the name of a file proves nothing."""
    assert f"is not a supported image: its content looks like {what}" == problem_of(data)


def test_an_empty_file_is_refused() -> None:
    """It is not an image."""
    assert "is empty" == problem_of(b"")


@cache
def some(form: str, **how: Any) -> bytes:  # noqa: ANN401 - Pillow's options
    """Return a file of a format whose every part matters."""
    return encoded(noise(400, 400), form, **how)


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
def test_a_truncated_image_is_damaged(form: str, part: float) -> None:
    """An incomplete file is refused, wherever it is cut."""
    data = some(form)
    assert "is damaged or incomplete" == problem_of(data[: int(len(data) * part)])


def test_a_png_with_a_wrong_checksum_is_damaged() -> None:
    """Most decoders check it, and would refuse the image after the job was accepted."""
    data = bytearray(encoded(corners(), "PNG"))
    data[-20] ^= 1
    assert "is damaged or incomplete" == problem_of(bytes(data))


SEEDS: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: turned(noise(400, 400), 6),
    "progressive": lambda: some("JPEG", progressive=True),
    "png": lambda: turned(noise(400, 400), 3, "PNG"),
    "webp": lambda: some("WEBP"),
    "gif": lambda: some("GIF"),
    "animated": lambda: animated("GIF", 3),
    "bmp": lambda: some("BMP"),
    "tiff": lambda: some("TIFF", icc_profile=profile_with_red_and_blue_swapped()),
    "lzw": lambda: some("TIFF", compression="tiff_lzw"),
    "heic": lambda: some("HEIF"),
    "avif": lambda: some("AVIF"),
}


@pytest.mark.parametrize("seed", SEEDS)
def test_no_damage_crashes_the_check(seed: str) -> None:
    """Cut or overwritten anywhere, the file gets a verdict, and an accepted one is complete."""
    whole, dice = SEEDS[seed](), random.Random(seed)
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            place = int(len(data) * dice.random() ** dice.choice([1, 8]))
            data[place : place + dice.randint(0, 4)] = dice.randbytes(dice.choice([0, 1, 4]))
        found = pictures.examine("2.jpg", bytes(data[: dice.choice([len(data), dice.randrange(len(data))])]), RULES)
        assert isinstance(found, Fault) or decoded(found.data).size


@given(
    st.sampled_from(
        [
            b"",
            b"\xff\xd8\xff",
            b"\x89PNG\r\n\x1a\n",
            b"RIFF\0\0\0\0WEBP",
            b"GIF89a",
            b"BM",
            b"II*\0",
            b"\0\0\0\x18ftypheic",
        ]
    ),
    st.binary(max_size=200),
)
def test_no_bytes_crash_the_check(head: bytes, rest: bytes) -> None:
    """A file that only starts like an image gets a verdict."""
    assert isinstance(pictures.examine("2.jpg", head + rest, RULES), Fault)

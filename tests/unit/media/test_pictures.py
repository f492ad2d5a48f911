"""Which pictures DashScope can use, which are made right, and which are refused: told from their bytes."""

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

LIMIT = models.MAX_IMAGE_BYTES
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
    """Examine a picture that must be refused and return the problem."""
    fault = pictures.examine("2.jpg", data)
    assert isinstance(fault, Fault)
    assert "2.jpg" == fault.pointer
    assert fault.remedy.endswith(".")
    return fault.detail


def usable(data: bytes) -> Usable:
    """Examine a picture that must be taken, within DashScope's limits."""
    found = pictures.examine("2.jpg", data)
    assert isinstance(found, Usable), found
    assert LIMIT >= len(found.data)
    assert found.media_type == MEDIA_TYPES[str(decoded(found.data).format)]
    return found


def made_of(data: bytes, note: str) -> Image.Image:
    """Examine a picture that must be converted, and must be good as it is then and return what was made of it."""
    found = usable(data)
    assert f"2.jpg: {note}" == found.note
    assert Usable(found.data, found.media_type) == pictures.examine("again", found.data)
    made = decoded(found.data)
    assert {} == dict(made.getexif())
    return made


def is_as_it_came(data: bytes) -> bool:
    """Return whether a picture is taken without a change."""
    found = usable(data)
    return (data, "") == (found.data, found.note)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(400, 400), (400, 4000), (4000, 400), (1280, 720)])
def test_the_three_formats_are_taken_from_400_pixels_on(form: str, size: tuple[int, int]) -> None:
    """JPEG, PNG and WEBP with a shorter side of 400 px are what DashScope asks for; no longest side is known."""
    assert is_as_it_came(picture(form, *size))


@pytest.mark.parametrize(
    ("form", "mode"),
    [("JPEG", "L"), ("PNG", "1"), ("PNG", "L"), ("PNG", "LA"), ("PNG", "P"), ("PNG", "RGBA"), ("WEBP", "RGBA")],
)
def test_grey_palettes_and_transparency_are_taken(form: str, mode: str) -> None:
    """Whatever the three formats have for a screen stays as it came."""
    assert is_as_it_came(encoded(TRANSPARENT.convert(mode), form))


def test_a_palette_with_a_transparent_colour_is_taken() -> None:
    """As programs for small pictures save them."""
    assert is_as_it_came(encoded(corners().convert("P"), "PNG", transparency=0))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_with_a_second_picture_behind_it_is_taken(progressive: bool) -> None:
    """Phones keep a map of depth or light in the same file (MPO); the first picture is the one that is meant."""
    second = Image.new("RGB", (480, 480))
    data = encoded(corners(), "MPO", save_all=True, append_images=[second], progressive=progressive)
    assert "MPO" == decoded(data).format
    assert Usable(data, "image/jpeg") == pictures.examine("2.jpg", data)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize(("width", "height"), [(399, 400), (400, 399), (64, 64)])
def test_a_small_picture_is_measured(form: str, width: int, height: int) -> None:
    """The answer says how large the picture is and how large it must be."""
    expected = f"is {width} x {height} px; the shorter side must be at least 400 px"
    assert expected == problem_of(picture(form, width, height))


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_is_turned_upright(form: str, orientation: int) -> None:
    """What a camera stored on its side, upside down or mirrored comes out as it was seen, whoever reads the file."""
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
def test_an_upright_picture_stays_as_it_is(orientation: int) -> None:
    """An orientation of 1 changes nothing, and neither does one that does not exist."""
    assert is_as_it_came(turned(corners(), orientation))


def test_a_picture_is_measured_whichever_way_it_lies() -> None:
    """The shorter side is the same."""
    assert usable(rotated(400, 640)).note
    assert "the shorter side must be at least 400 px" in problem_of(rotated(300, 640))


@pytest.mark.parametrize(("form", "name"), [("BMP", "BMP"), ("TIFF", "TIFF"), ("GIF", "GIF")])
def test_what_came_without_loss_stays_without_loss(form: str, name: str) -> None:
    """BMP, TIFF and a GIF that does not move become PNG."""
    made = made_of(encoded(corners(), form), f"converted from {name} to PNG")
    assert ("PNG", RAINBOW) == (made.format, seen(made))


@pytest.mark.parametrize(("form", "name"), [("HEIF", "HEIC"), ("AVIF", "AVIF")])
def test_what_phones_save_becomes_a_jpeg(form: str, name: str) -> None:
    """HEIC and AVIF, which DashScope does not know."""
    made = made_of(encoded(corners(), form), f"converted from {name} to JPEG")
    assert ("JPEG", RAINBOW) == (made.format, seen(made))


@pytest.mark.parametrize("form", ["HEIF", "AVIF"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_what_phones_turn_is_upright(form: str, orientation: int) -> None:
    """The turn that HEIC and AVIF ask for in their own way is made, once."""
    found = usable(turned(corners().transpose(STORED[orientation]), orientation, form))
    made = decoded(found.data)
    assert ((640, 480), RAINBOW) == (made.size, seen(made))


@pytest.mark.parametrize("form", ["HEIF", "AVIF", "TIFF", "GIF"])
def test_transparency_outlives_the_conversion(form: str) -> None:
    """It comes out as PNG, which has some."""
    image = TRANSPARENT.copy()
    image.paste((0, 0, 0, 0), (0, 0, 100, 100))
    made = decoded(usable(encoded(image, form)).data)
    assert ("PNG", "RGBA", (0, 0, 0, 0)) == (made.format, made.mode, made.getpixel((50, 50)))


def test_transparency_that_hides_nothing_costs_nothing() -> None:
    """A HEIC whose every pixel can be seen becomes a JPEG."""
    data = encoded(corners().convert("RGBA"), "HEIF")
    assert "JPEG" == made_of(data, "converted from HEIC to JPEG").format


def test_the_main_picture_of_a_burst_is_taken() -> None:
    """A HEIC may hold several, of which its camera named one."""
    data = encoded(corners(), "HEIF", save_all=True, append_images=[Image.new("RGB", (480, 480))], primary_index=0)
    made = made_of(data, "only its main image used, converted from HEIC to JPEG")
    assert RAINBOW == seen(made)


def test_colours_of_print_become_those_of_a_screen() -> None:
    """A JPEG in CMYK, which Adobe's programs save inverted, shows the colours that it had."""
    made = made_of(encoded(corners().convert("CMYK"), "JPEG"), "colours converted from CMYK to sRGB")
    assert ("RGB", RAINBOW) == (made.mode, seen(made))


def test_a_picture_in_lab_becomes_one_for_a_screen() -> None:
    """As programs for print save their TIFFs."""
    lab = ImageCms.profileToProfile(
        corners(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    note = "colours converted from LAB to sRGB, converted from TIFF to PNG"
    assert RAINBOW == seen(made_of(encoded(lab, "TIFF"), note))


def test_colours_go_by_the_profile_in_the_file() -> None:
    """A converted picture is brought from its own profile to sRGB; a broken profile does no harm."""
    swapped = encoded(corners(), "TIFF", icc_profile=profile_with_red_and_blue_swapped())
    assert ["blue", "green", "red", "white"] == seen(made_of(swapped, "converted from TIFF to PNG"))
    broken = encoded(corners(), "TIFF", icc_profile=b"no profile at all")
    assert RAINBOW == seen(made_of(broken, "converted from TIFF to PNG"))


def profile_with_red_and_blue_swapped() -> bytes:
    """Give sRGB's own profile, with two primaries in each other's place and another name."""
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
    """Grey of 16 or 32 bits, or in fractions, as scanners and laboratories save it."""
    image = Image.new(mode, (640, 480), 0)
    image.paste(Image.new(mode, (320, 480), white if mode == "F" else int(white)), (320, 0))
    made = made_of(encoded(image, "TIFF"), "reduced to 8 bits per channel, converted from TIFF to PNG")
    assert ("L", 0, 255) == (made.mode, made.getpixel((0, 0)), made.getpixel((639, 0)))


def test_a_png_of_16_bits_becomes_one_of_8() -> None:
    """In grey, and in colour."""
    grey = encoded(Image.new("I;16", (640, 480), 65535), "PNG")
    assert 255 == made_of(grey, "reduced to 8 bits per channel").getpixel((0, 0))


def test_what_only_takes_much_room_is_not_touched_otherwise() -> None:
    """A TIFF of 27 MB without compression is a small PNG."""
    data = encoded(corners(3000, 3000), "TIFF")
    assert f"2.jpg: reduced from {len(data) / 1024**2:.1f} MB (TIFF) to 33 KB (PNG)" == usable(data).note


def test_the_limit_of_20_mb_is_exact() -> None:
    """20 MB stay as they are, one byte more does not."""
    padding = bytes(LIMIT - len(picture()))
    assert is_as_it_came(picture() + padding)
    assert "2.jpg: reduced from 20.0 MB (JPEG) to 9 KB (JPEG)" == usable(picture() + padding + b"\0").note


def test_what_is_not_even_looked_into_is_told_so() -> None:
    """100 MB are the most that is read, 100 million pixels the most that is decoded."""
    assert "has 100.0 MB; 100 MB is the most" == problem_of(picture() + bytes(models.MAX_PICTURE_BYTES))
    bomb = encoded(Image.new("1", (20_000, 20_000)), "PNG")
    assert len(bomb) < 100_000
    assert "is 20000 x 20000 px (400 million pixels); the maximum is 100 million pixels" == problem_of(bomb)


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("frames", [2, 5])
def test_an_animation_is_refused(form: str, frames: int) -> None:
    """Which of its frames was meant only its owner knows."""
    assert f"is an animation ({frames} frames); a still image is required" == problem_of(animated(form, frames))


def test_several_pages_are_refused() -> None:
    """A TIFF of several pages, that is; a thumbnail in it is no page."""
    assert "has 3 pages; a single image is required" == problem_of(animated("TIFF", 3))
    thumbnail = Image.new("RGB", (64, 48))
    tags = ImageFileDirectory_v2()
    tags[254] = 1
    thumbnail.encoderinfo = {"tiffinfo": tags}
    data = encoded(corners(), "TIFF", save_all=True, append_images=[thumbnail])
    assert RAINBOW == seen(made_of(data, "converted from TIFF to PNG"))


def test_the_raw_file_of_a_camera_is_refused() -> None:
    """It is a TIFF whose first picture is a thumbnail, which must not be taken for the picture."""
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
def test_what_is_no_picture_is_named(data: bytes, what: str) -> None:
    """The name of a file is no evidence; its bytes tell what its owner took for a picture."""
    assert f"is not a supported image: its content looks like {what}" == problem_of(data)


def test_an_empty_file_is_refused() -> None:
    """Nothing is no picture."""
    assert "is empty" == problem_of(b"")


@cache
def some(form: str, **how: Any) -> bytes:  # noqa: ANN401 - Pillow's options
    """Return a file of a format, of which any part matters."""
    return encoded(noise(400, 400), form, **how)


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
def test_a_picture_that_breaks_off_is_damaged(form: str, part: float) -> None:
    """A file of which only the beginning arrived is refused, wherever it breaks off."""
    data = some(form)
    assert "is damaged or incomplete" == problem_of(data[: int(len(data) * part)])


def test_a_png_with_a_wrong_sum_is_damaged() -> None:
    """Decoders that check it, as most do, would refuse it after the job was accepted."""
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
def test_no_damage_breaks_the_check(seed: str) -> None:
    """Cut anywhere, overwritten anywhere, most of all in the head: out comes a verdict, and what is taken is whole."""
    whole, dice = SEEDS[seed](), random.Random(seed)
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            place = int(len(data) * dice.random() ** dice.choice([1, 8]))
            data[place : place + dice.randint(0, 4)] = dice.randbytes(dice.choice([0, 1, 4]))
        found = pictures.examine("2.jpg", bytes(data[: dice.choice([len(data), dice.randrange(len(data))])]))
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
def test_no_bytes_break_the_check(head: bytes, rest: bytes) -> None:
    """A file that only begins like a picture: out comes a verdict."""
    assert isinstance(pictures.examine("2.jpg", head + rest), Fault)

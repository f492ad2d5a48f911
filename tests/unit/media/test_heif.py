"""HEIC and AVIF: cut files, colours described by code points, and brands that say little."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache

import pytest
from gallop.media import colours
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tests.support.heif_files import tiled
from tests.support.pictures import corners, decoded, encoded, noise, seen
from tests.unit.media.test_pictures import RAINBOW, is_as_it_came, made_of, problem_of, some, usable

DAMAGED = "is damaged or incomplete"
PQ, HLG, LIKE_SRGB = 16, 18, 13
BT_709, BT_2020, P3 = 1, 9, 12
FORMS = {"HEIF": "HEIC", "AVIF": "AVIF"}


def meant(data: bytes, primaries: int, transfer: int) -> bytes:
    """Write other code points for the colours into a file."""
    place = data.index(b"colrnclx") + 8
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]


def sized(data: bytes, width: int, height: int) -> bytes:
    """Write another size in pixels into a file."""
    place = data.index(b"ispe") + 8
    return data[:place] + struct.pack(">II", width, height) + data[place + 8 :]


def branded(data: bytes, brand: bytes) -> bytes:
    """Write another main brand into a file."""
    return data[:8] + brand + data[12:]


def to_the_end(data: bytes) -> bytes:
    """Give the data no size of its own: it extends over the rest of the file."""
    place = data.index(b"mdat") - 4
    return data[:place] + bytes(4) + data[place + 4 :]


@cache
def noisy(kind: str) -> bytes:
    """Give a file of much data."""
    if kind in FORMS:
        return some(kind)
    data = tiled(noise(640, 640), large=kind == "large")
    return to_the_end(data) if kind == "end" else data


@pytest.mark.parametrize("large", [False, True])
def test_a_heic_of_tiles_is_taken(large: bool) -> None:
    """As phones write it, with sizes of 32 or 64 bits, or none, and further bytes behind its boxes."""
    data = tiled(corners(640, 640), large=large)
    for whole in (data, data + b"trailing bytes", data + bytes(100), data + b"\0\0\1\0free"[:6]):
        assert RAINBOW == seen(made_of(whole, "converted from HEIC to JPEG"))
    if not large:
        assert RAINBOW == seen(made_of(to_the_end(data), "converted from HEIC to JPEG"))


@pytest.mark.parametrize("form", FORMS)
def test_bytes_behind_the_boxes_do_not_matter(form: str) -> None:
    """Some phones keep their own data there."""
    data = encoded(corners(), form)
    for whole in (data + b"trailing bytes", data + bytes(100), to_the_end(data)):
        assert RAINBOW == seen(made_of(whole, f"converted from {FORMS[form]} to JPEG"))


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(["HEIF", "AVIF", "tiles", "large", "end"]), st.floats(0, 1, exclude_max=True))
def test_a_cut_file_is_damaged(kind: str, part: float) -> None:
    """Wherever it is cut, and whatever decoders make of the rest."""
    data = noisy(kind)
    assert DAMAGED == problem_of(data[: 8 + int((len(data) - 8) * part)])


@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "tiles"])
def test_a_file_with_a_hole_is_damaged(kind: str) -> None:
    """A file of full length, of which a part never arrived."""
    data = noisy(kind)
    for part in (0.3, 0.9):
        place = int(len(data) * part)
        assert DAMAGED == problem_of(data[:place] + bytes(4096) + data[place + 4096 :])
    place = data.index(b"mdat") + 4
    assert DAMAGED == problem_of(data[:place] + bytes(len(data) - place))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("primaries", "transfer", "called", "signal"),
    [
        (BT_2020, PQ, "HDR (PQ, BT.2020)", 148),
        (P3, PQ, "HDR (PQ, Display P3)", 148),
        (BT_709, PQ, "HDR (PQ, BT.709)", 148),
        (BT_2020, HLG, "HDR (HLG, BT.2020)", 191),
        (2, HLG, "HDR (HLG, BT.709)", 191),
        (BT_2020, 1, "BT.2020", 255),
        (P3, LIKE_SRGB, "Display P3", 255),
    ],
)
def test_white_stays_white(form: str, primaries: int, transfer: int, called: str, signal: int) -> None:
    """``signal`` is the white of a sheet of paper; what shines brighter becomes white, too, and black stays black."""
    image = Image.new("RGB", (640, 480), (signal,) * 3)
    image.paste((255, 255, 255), (0, 0, 320, 240))
    image.paste((0, 0, 0), (320, 240, 640, 480))
    made = made_of(
        meant(encoded(image, form), primaries, transfer),
        f"colours converted from {called} to sRGB, converted from {FORMS[form]} to JPEG",
    )
    assert ["white", "white", "white", "(0, 0, 0)"] == seen(made)
    assert made.convert("L").getpixel((10, 470)) in range(251, 256)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("code_points", [(1, 13), (1, 1), (2, 2), (1, 6), (6, 6), (5, 2)])
def test_colours_like_those_of_a_screen_stay(form: str, code_points: tuple[int, int]) -> None:
    """Also those that are unspecified."""
    data = meant(encoded(corners(), form), *code_points)
    assert RAINBOW == seen(made_of(data, f"converted from {FORMS[form]} to JPEG"))


def test_a_profile_overrides_code_points() -> None:
    """As the standard has it."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(corners(), "HEIF", icc_profile=profile, save_nclx_profile=True)
    if b"colrnclx" in data:
        data = meant(data, BT_2020, PQ)
    assert RAINBOW == seen(made_of(data, "converted from HEIC to JPEG"))


def test_colours_of_tiles_are_those_of_the_whole() -> None:
    """Phones describe them once."""
    data = tiled(corners(640, 640), colours=(BT_2020, PQ))
    assert "colours converted from HDR (PQ, BT.2020)" in usable(data).note


def test_hdr_in_grey_is_converted() -> None:
    """A black-and-white photo."""
    data = meant(encoded(Image.new("L", (640, 480), 148), "HEIF"), BT_2020, PQ)
    assert (255, 255, 255) == decoded(usable(data).data).convert("RGB").getpixel((9, 9))


def test_wide_colours_become_those_of_a_screen() -> None:
    """A muted red of Display P3 is a stronger one in sRGB; the figures are those of CSS Color 4."""
    made = colours.profile(colours.Nclx(P3, LIKE_SRGB))
    assert made is not None
    profile = ImageCms.ImageCmsProfile(io.BytesIO(made[0]))
    image = Image.new("RGB", (1, 1), (200, 100, 50))
    result = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"))
    assert result is not None
    assert (215, 93, 31) == result.getpixel((0, 0))


def png_in(primaries: int, transfer: int) -> bytes:
    """Write a PNG that describes its colours by code points."""
    data, content = encoded(Image.new("RGB", (640, 480), (148, 148, 148)), "PNG"), bytes([primaries, transfer, 0, 1])
    chunk = b"\0\0\0\4cICP" + content + struct.pack(">I", zlib.crc32(b"cICP" + content))
    return data[:33] + chunk + data[33:]


def test_hdr_in_a_png_is_converted() -> None:
    """Screenshots of HDR are saved so."""
    made = made_of(png_in(BT_2020, PQ), "colours converted from HDR (PQ, BT.2020) to sRGB")
    assert (255, 255, 255) == made.getpixel((9, 9))
    assert is_as_it_came(png_in(BT_709, LIKE_SRGB))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("brand", [b"mif1", b"mif2", b"miaf", b"MiHE", b"1pic", b"jpeg", b"heim", b"mp42"])
def test_the_main_brand_of_a_still_does_not_matter(form: str, brand: bytes) -> None:
    """What counts is how its main image is encoded."""
    data = branded(encoded(corners(), form), brand)
    assert RAINBOW == seen(made_of(data, f"converted from {FORMS[form]} to JPEG"))


@pytest.mark.parametrize(
    ("codec", "what"),
    [(b"avc1", "H.264"), (b"jpeg", "JPEG"), (b"j2k1", "JPEG 2000"), (b"vvc1", "H.266"), (b"abcd", "an unknown codec")],
)
def test_a_still_of_another_codec_is_named(codec: bytes, what: str) -> None:
    """It is neither damaged nor a video."""
    for data in (encoded(corners(), "HEIF"), branded(encoded(corners(), "HEIF"), b"mif2")):
        problem = problem_of(data.replace(b"hvc1", codec))
        assert f"is a HEIF image compressed with {what}, which is not supported" == problem


@pytest.mark.parametrize("form", FORMS)
def test_a_still_that_is_too_large_is_measured(form: str) -> None:
    """Its reader refuses it without saying why."""
    data = encoded(corners(), form)
    problem = problem_of(sized(data, 20_000, 20_000))
    assert "is 20000 x 20000 px (400 million pixels); the maximum is 100 million pixels" == problem
    problem = problem_of(sized(data, 40_000, 400))
    assert "is 40000 x 400 px; the maximum for HEIC and AVIF is 32768 px per side" == problem

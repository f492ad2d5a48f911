"""Images of which a part is missing, whatever markers and sizes around it say: all are refused."""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from gallop.domain.request.images import Usable
from gallop.media import jpeg, pictures, reading
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tests.support.pictures import RULES, corners, encoded, noise, picture
from tests.unit.media.test_pictures import is_as_it_came, made_of, problem_of, some, usable

if TYPE_CHECKING:
    from typing import Any

DAMAGED = "is damaged or incomplete"
END = b"\xff\xd9"
JPEGS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "optimized": {"optimize": True},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 3},
    "rows": {"restart_marker_rows": 1},
    "progressive rows": {"progressive": True, "restart_marker_rows": 2},
    "fine": {"quality": 100, "subsampling": 0},
}


def pixels_start(data: bytes) -> int:
    """Find the first byte of a JPEG's pixel data."""
    place = data.index(b"\xff\xda")
    return place + 2 + int.from_bytes(data[place + 2 : place + 4])


def png_chunk(name: bytes, content: bytes = b"") -> bytes:
    """Write a chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(*between: bytes, interlaced: bool = False) -> bytes:
    """Write a PNG of 500 x 500 px in RGB, with chunks between its header and its end."""
    header = struct.pack(">IIBBBBB", 500, 500, 8, 2, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + b"".join(between) + png_chunk(b"IEND")


@pytest.mark.parametrize("how", JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_whole_jpeg_is_taken(how: str, mode: str) -> None:
    """With or without restart intervals and further bytes behind it."""
    for image in (corners(403, 401), noise(403, 401), Image.new("RGB", (403, 401), "white")):
        data = encoded(image.convert(mode), "JPEG", **JPEGS[how])
        assert is_as_it_came(data)
        assert is_as_it_came(data + b"\0trailing \xff\xda bytes")


@pytest.mark.parametrize("how", JPEGS)
def test_a_whole_jpeg_in_cmyk_is_taken(how: str) -> None:
    """It is converted."""
    assert "colours converted from CMYK" in usable(encoded(corners().convert("CMYK"), "JPEG", **JPEGS[how])).note


@pytest.mark.parametrize("how", JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_pixels_is_damaged(how: str, mode: str) -> None:
    """A header and an end marker are not an image."""
    data = encoded(corners().convert(mode), "JPEG", **JPEGS[how])
    assert DAMAGED == problem_of(data[: pixels_start(data)] + END)
    assert DAMAGED == problem_of(data[: data.index(b"\xff\xda")] + END)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(list(JPEGS)), st.floats(0, 1, exclude_max=True))
def test_a_cut_jpeg_with_an_end_marker_is_damaged(how: str, part: float) -> None:
    """As programs write it that repair the end of a file."""
    data = some("JPEG", **JPEGS[how])
    start = pixels_start(data)
    end = start + int((len(data) - start - 8) * part)
    assert DAMAGED == problem_of(data[:end] + END)


def test_a_jpeg_cut_between_two_scans_is_damaged() -> None:
    """What is left is a coarse image: the scans that refine it are missing."""
    data = some("JPEG", progressive=True)
    for scan in list(re.finditer(b"\xff\xda", data))[1:]:
        assert DAMAGED == problem_of(data[: scan.start()] + END)


def test_a_jpeg_with_a_hole_is_damaged() -> None:
    """Restart markers on both sides hide it from decoders."""
    data = some("JPEG", restart_marker_rows=1)
    marks = [mark.start() for mark in re.finditer(b"\xff[\xd0-\xd7]", data)]
    assert DAMAGED == problem_of(data[: marks[3] - 40] + data[marks[3] :])
    assert DAMAGED == problem_of(data[: marks[3]] + data[marks[11] :])


def test_a_jpeg_of_too_many_scans_is_refused_before_it_is_decoded() -> None:
    """Each scan takes the time of a whole image."""
    data = some("JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert "has more than 100 progressive scans" == problem_of(data[:-2] + last * jpeg.MAX_SCANS + END)
    assert usable(data[:-2] + last * 5 + END)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_decoding_ends_when_its_time_is_up(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However an image manages to take long."""
    monkeypatch.setattr(reading, "SECONDS", 0)
    assert "takes too long to decode" == problem_of(picture(form))


@pytest.mark.parametrize("interlaced", [False, True])
def test_a_png_with_too_few_rows_is_damaged(interlaced: bool) -> None:
    """Though its compressed data ends properly; decoders leave the rest black."""
    # More than enough for the seven passes of an interlaced image, too.
    rows = bytes(501 * 1501) if not interlaced else bytes(500 * 1500 + 940)
    assert is_as_it_came(png(png_chunk(b"IDAT", zlib.compress(rows)), interlaced=interlaced))
    for part in (0.01, 0.5, 0.99):
        short = zlib.compress(rows[: int(len(rows) * part)])
        assert DAMAGED == problem_of(png(png_chunk(b"IDAT", short), interlaced=interlaced))


def test_a_png_without_pixels_is_damaged() -> None:
    """No data at all, an empty stream, and a truncated one."""
    assert DAMAGED == problem_of(png())
    assert DAMAGED == problem_of(png(png_chunk(b"IDAT")))
    assert DAMAGED == problem_of(png(png_chunk(b"IDAT", zlib.compress(b""))))
    assert DAMAGED == problem_of(png(png_chunk(b"IDAT", zlib.compress(bytes(1501 * 500))[:-100])))


def test_a_png_with_long_texts_is_taken() -> None:
    """One text, many texts, and a colour profile: none of them is the image."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("one", "x" * 20_000_000, zip=True)
    texts.add_itxt("two", "x" * 20_000_000, zip=True)
    texts.add_text("three", "x" * 17_000_000)
    for number in range(80):
        texts.add_text(f"{number}", "x" * 1_000_000, zip=True)
    for more in ({"pnginfo": texts}, {"icc_profile": bytes(3_000_000)}, {"icc_profile": bytes(30_000_000)}):
        data = encoded(corners(), "PNG", **more)
        assert Usable(data, "image/png") == pictures.examine("2.jpg", data, RULES)
        made_of(encoded(corners().convert("I;16"), "PNG", **more), "reduced to 8 bits per channel")


def test_a_png_with_a_broken_text_is_taken() -> None:
    """What is in it does not matter."""
    whole = png_chunk(b"IDAT", zlib.compress(bytes(1501 * 500)))
    assert is_as_it_came(png(png_chunk(b"zTXt", b"a\0\0broken"), png_chunk(b"iCCP", b"a\0\0broken"), whole))


CUT: dict[str, tuple[str, dict[str, Any]]] = {
    "jpeg": ("JPEG", {}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {}),
    "lossless": ("WEBP", {"lossless": True}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "tiff": ("TIFF", {}),
    "lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "deflate": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "packbits": ("TIFF", {"compression": "packbits"}),
    "jpeg in tiff": ("TIFF", {"compression": "jpeg"}),
    "zstd": ("TIFF", {"compression": "zstd"}),
}


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(list(CUT)), st.floats(0, 1, exclude_max=True))
def test_an_image_cut_anywhere_is_damaged(kind: str, part: float) -> None:
    """In any format, from its signature on, if pixels are missing: the last bytes of some hold none."""
    form, how = CUT[kind]
    data = some(form, **how)
    assert DAMAGED == problem_of(data[: 12 + int((len(data) - 36) * part)])


@settings(deadline=None, max_examples=20)
@given(st.floats(0.01, 0.99))
def test_a_cut_gif_or_webp_with_right_sizes_is_damaged(part: float) -> None:
    """What is left looks like a file of its own."""
    gif = some("GIF")
    assert DAMAGED == problem_of(gif[: int(len(gif) * part)] + b"\0;")
    for how in ({}, {"lossless": True}):
        webp = some("WEBP", **how)
        size = int(len(webp) * part) // 2 * 2 + 20
        sizes = webp[:4] + struct.pack("<I", size - 8) + webp[8:16] + struct.pack("<I", size - 20)
        assert DAMAGED == problem_of(sizes + webp[20:size])


def tagged(data: bytes, tag: int, value: int, place: int = 8) -> bytes:
    """Write another value, or another number of values, into the directory of a TIFF."""
    start = int.from_bytes(data[4:8], "little")
    for entry in range(start + 2, start + 2 + 12 * int.from_bytes(data[start : start + 2], "little"), 12):
        if int.from_bytes(data[entry : entry + 2], "little") == tag:
            return data[: entry + place] + struct.pack("<I", value) + data[entry + place + 4 :]
    raise LookupError(tag)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_a_tiff_without_some_of_its_strips_is_damaged(compression: str) -> None:
    """They are too few for its height, or not in the file."""
    data = some("TIFF", compression=compression)
    assert usable(data)
    assert DAMAGED == problem_of(tagged(data, 257, 800))
    place = tagged(data, 273, len(data)) if compression == "raw" else data[: int(len(data) * 0.7)]
    assert DAMAGED == problem_of(place)


def test_a_hollow_jpeg_in_a_tiff_is_damaged() -> None:
    """Its end marker hides what is missing, as in a file of its own."""
    data = some("TIFF", compression="jpeg")
    for scan in list(re.finditer(b"\xff\xda", data))[:2]:
        place = scan.start() + 100
        assert DAMAGED == problem_of(data[:place] + END + data[place + 2 :])


def bmp(bits: int, masks: tuple[int, ...] = (), compression: int = 0) -> bytes:
    """Write a BMP of 400 x 400 px."""
    row = 400 * bits // 8
    head = struct.pack("<IiiHHIIiiII", 108, 400, 400, 1, bits, compression, row * 400, 2835, 2835, 0, 0)
    head = (head + struct.pack(f"<{len(masks)}I", *masks)).ljust(108, b"\0")
    return b"BM" + struct.pack("<IHHI", 122 + row * 400, 0, 0, 122) + head + bytes(row * 400)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (bmp(16, (0xF00, 0xF0, 0xF, 0xF000), 3), "a BMP with unusual colour masks"),
        (bmp(32, (0x3FF00000, 0xFFC00, 0x3FF, 0), 3), "a BMP with unusual colour masks"),
        (bmp(24, (), 4), "a BMP with JPEG data inside"),
        (bmp(24, (), 5), "a BMP with PNG data inside"),
        (bmp(64), "a BMP with 64 bits per pixel"),
        (tagged(encoded(corners(), "TIFF"), 259, 50001), "a TIFF compressed with WEBP"),
        (tagged(encoded(corners(), "TIFF"), 259, 34712), "a TIFF compressed with JPEG 2000"),
        (tagged(encoded(corners(), "TIFF"), 259, 52546), "a TIFF compressed with JPEG XL"),
    ],
)
def test_a_whole_image_of_a_kind_that_is_not_supported_is_named(data: bytes, problem: str) -> None:
    """It is not damaged."""
    assert f"is {problem}, which is not supported" == problem_of(data)


def test_a_bmp_with_the_usual_masks_is_taken() -> None:
    """With 16 or 32 bits per pixel; one that was cut is damaged."""
    for bits, masks in ((16, (0xF800, 0x7E0, 0x1F, 0)), (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000))):
        data = bmp(bits, masks, 3)
        assert usable(data)
        assert DAMAGED == problem_of(data[:-1000])
    assert DAMAGED == problem_of(bmp(16, (0xF00, 0xF0, 0xF, 0xF000), 3)[:-1000])

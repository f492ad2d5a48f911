"""Decode an image completely, and find what keeps DashScope from using it.

DashScope accepts JPEG, PNG and WEBP by content (fact sheet §1.2); sides, shape and bytes are limited by the model.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pi_heif import HeifImageFile, register_heif_opener
from PIL import Image, UnidentifiedImageError
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.MpoImagePlugin import MpoImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from gallop import log
from gallop.domain import models
from gallop.domain.faults import Fault
from gallop.domain.request.images import Usable
from gallop.domain.request.references import too_large
from gallop.media import colours, convert, heif, heif_streams, jpeg, png, sniff, unsupported, webp
from gallop.media.reading import DamagedError, OutOfTimeError, TimedReader

if TYPE_CHECKING:
    from gallop.domain.media_rules import ImageRules

register_heif_opener()
# Pillow's own limit only warns, and names no file; ours is checked before any pixel is decoded.
Image.MAX_IMAGE_PIXELS = None

# The JPEG reader opens MPO as well.
_READERS = (
    JpegImageFile,
    PngImageFile,
    WebPImageFile,
    GifImageFile,
    BmpImageFile,
    TiffImageFile,
    HeifImageFile,
    AvifImageFile,
)
FORMATS = tuple(str(reader.format) for reader in _READERS)
# What DashScope accepts, and in which of Pillow's modes.
_AS_IS = {
    "JPEG": ("image/jpeg", {"L", "RGB"}),
    "MPO": ("image/jpeg", {"L", "RGB"}),
    "PNG": ("image/png", {"1", "L", "LA", "P", "RGB", "RGBA"}),
    "WEBP": ("image/webp", {"RGB", "RGBA"}),
}
_ORIENTATION, _SUBFILE, _SUB_IFDS, _DNG = 0x0112, 254, 330, 50706
_BROKEN_EXIF = (SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error, OSError)
_DEEP = 16
_PAGES_COUNTED = 1000
# A JPEG is decoded at half its size, so that the 200 million pixels of some phones fit; 1.5 GB if it is progressive.
_MAX_JPEG_PIXELS = 250_000_000
_MAX_STILL_SIDE = 32_768
# What cameras and phones write into HEIF files beside HEVC and AV1.
_CODECS = {
    b"avc1": "H.264",
    b"jpeg": "JPEG",
    b"j2k1": "JPEG 2000",
    b"vvc1": "H.266",
    b"evc1": "EVC",
    b"unci": "no codec",
}


def examine(where: str, data: bytes, rules: ImageRules) -> Usable | Fault:
    """Decode an image completely; return what DashScope accepts, or what is wrong with the image. Raises nothing."""
    if not data:
        return Fault(where, "is empty", "Send the image again.")
    if len(data) > models.MAX_PICTURE_BYTES:
        return too_large(where, len(data))
    file = TimedReader(data)
    try:
        still = heif.still(data) if heif.is_container(data) else None
        if still is not None and (fault := _fault_of_still(where, still)):
            return fault
        with Image.open(_readable(data, still, file), formats=FORMATS) as picture:
            return _fault(where, picture, rules) or _usable(where, picture, data, file, still, rules)
    except (UnidentifiedImageError, DamagedError):
        return _unsupported(where, data) or sniff.unreadable(where, data)
    except OutOfTimeError:
        return sniff.slow(where)
    except jpeg.TooManyScansError:
        return sniff.slow(where, f"has more than {jpeg.MAX_SCANS} progressive scans")
    except Exception as error:  # noqa: BLE001 - eight decoders raise an open set of errors for broken files
        log.info("image unreadable", error=type(error).__name__)
        return _unsupported(where, data) or sniff.damaged(where)


def _unsupported(where: str, data: bytes) -> Fault | None:
    """Name what is not supported in a whole image that cannot be decoded."""
    reason = unsupported.reason(data)
    return Fault(where, f"{reason}, which is not supported", sniff.EXPORT) if reason else None


def _fault_of_still(where: str, still: heif.Still) -> Fault | None:
    if not still.brand:
        codec = _CODECS.get(still.codec, "an unknown codec")
        return Fault(where, f"is a HEIF image compressed with {codec}, which is not supported", sniff.EXPORT)
    width, height = still.size
    if max(still.size) > _MAX_STILL_SIDE:
        problem = f"is {width} x {height} px; the maximum for HEIC and AVIF is {_MAX_STILL_SIDE} px per side"
        return Fault(where, problem, "Save it in a smaller size.")
    # Their readers refuse very large images without saying why.
    return _too_many_pixels(where, width, height, models.MAX_PICTURE_PIXELS)


def _readable(data: bytes, still: heif.Still | None, file: TimedReader) -> TimedReader:
    """Return a file without what is not the image and keeps its reader from reading it."""
    if still is not None:
        return TimedReader(heif.branded(data, still), file.end)
    if data.startswith(png.SIGNATURE):
        return TimedReader(png.without_long_texts(data, file), file.end)
    return file


def _fault(where: str, picture: Image.Image, rules: ImageRules) -> Fault | None:
    if _is_raw(picture):
        return sniff.not_a_picture(where, sniff.RAW)
    width, height = picture.size
    limit = _MAX_JPEG_PIXELS if isinstance(picture, JpegImageFile) else models.MAX_PICTURE_PIXELS
    if fault := _too_many_pixels(where, width, height, limit):
        return fault
    frames = _frames(picture)
    if frames > 1:
        count = f"{_PAGES_COUNTED:,} or more" if frames == _PAGES_COUNTED else str(frames)
        if isinstance(picture, TiffImageFile):
            return Fault(where, f"has {count} pages; a single image is required", "Save one page as JPEG or PNG.")
        problem = f"is an animation ({count} frames); a still image is required"
        return Fault(where, problem, "Save one frame as JPEG or PNG.")
    return _wrong_shape(where, width, height, rules)


def _too_many_pixels(where: str, width: int, height: int, limit: int) -> Fault | None:
    if width * height <= limit:
        return None
    problem = f"is {width} x {height} px ({width * height / 1e6:.0f} million pixels)"
    return Fault(where, f"{problem}; the maximum is {limit // 1_000_000} million pixels", "Save it in a smaller size.")


def _wrong_shape(where: str, width: int, height: int, rules: ImageRules) -> Fault | None:
    short, long, limit = min(width, height), max(width, height), rules.max_aspect
    problems, remedies = [], []
    if short < rules.short_side:
        problems.append(f"the shorter side must be at least {rules.short_side} px")
        remedies.append(f"Use an image whose shorter side has at least {rules.short_side} px.")
    if limit is not None and long > limit * short:
        problems.append(f"the aspect ratio must be between 1:{limit:g} and {limit:g}:1")
        remedies.append("Crop it.")
    shown = f"is {width} x {height} px; {' and '.join(problems)}"
    return Fault(where, shown, " ".join(remedies)) if problems else None


def _is_raw(picture: Image.Image) -> bool:
    """Return whether a TIFF is a camera's raw file, in which the first image is a thumbnail."""
    if not isinstance(picture, TiffImageFile):
        return False
    tags = picture.tag_v2
    return _DNG in tags or (_SUB_IFDS in tags and _is_reduced(picture))


def _frames(picture: Image.Image) -> int:
    if isinstance(picture, TiffImageFile):
        return _pages(picture)
    # What a phone stores beside its image (a depth or gain map, the rest of a burst) is not an animation.
    if isinstance(picture, MpoImageFile | HeifImageFile):
        return 1
    return getattr(picture, "n_frames", 1)


def _pages(picture: TiffImageFile) -> int:
    pages = 0
    try:
        for number in range(_PAGES_COUNTED):
            picture.seek(number)
            pages += not _is_reduced(picture)
    except EOFError:
        pass
    picture.seek(0)
    return pages


def _is_reduced(picture: TiffImageFile) -> bool:
    subfile = picture.tag_v2.get(_SUBFILE, 0)
    return isinstance(subfile, int) and bool(subfile & 1)


def _usable(  # noqa: PLR0913, PLR0917 - what is known of the image
    where: str, picture: Image.Image, data: bytes, file: TimedReader, still: heif.Still | None, rules: ImageRules
) -> Usable | Fault:
    _check_complete(picture, data, file, still)
    is_deep = isinstance(picture, PngImageFile) and data[24] == _DEEP
    media_type, modes = _AS_IS.get(str(picture.format), ("", frozenset()))
    orientation = _orientation(picture)
    colour = _colours(picture, data, file, still)
    reduced_from = _halve_to_limit(picture)
    is_large = reduced_from is not None or len(data) > rules.max_bytes
    if picture.mode not in modes or is_deep or orientation != 1 or colour or is_large:
        return convert.convert(
            where, picture, rules, orientation, len(data), is_deep=is_deep, colours=colour, reduced_from=reduced_from
        )
    if not isinstance(picture, JpegImageFile):  # that has been decoded already
        picture.load()
    return Usable(data, media_type)


def _check_complete(picture: Image.Image, data: bytes, file: TimedReader, still: heif.Still | None) -> None:
    """Check what decoding does not.

    Raises:
        DamagedError: a part of the image is missing.
        OutOfTimeError: the check takes too long.
        jpeg.TooManyScansError: the image would take too long.

    """
    if isinstance(picture, JpegImageFile):
        picture.decodermaxblock = jpeg.READ_BYTES
        jpeg.check(data, file)
    elif isinstance(picture, PngImageFile):
        png.check_pixels(data, file)
    elif isinstance(picture, WebPImageFile):
        webp.check(data, file)
    elif isinstance(picture, TiffImageFile):
        unsupported.check_tiff(picture, data, file)
    elif isinstance(picture, BmpImageFile):
        unsupported.check_bmp(picture, data, file)
    for part in still.parts if still else ():
        heif_streams.check(part, file)


def _halve_to_limit(picture: Image.Image) -> tuple[int, int] | None:
    """Let a JPEG with too many pixels be decoded at half its size; return its size if it will be."""
    width, height = picture.size
    if width * height <= models.MAX_PICTURE_PIXELS:
        return None
    picture.draft(None, (width // 2, height // 2))
    return width, height


def _colours(picture: Image.Image, data: bytes, file: TimedReader, still: heif.Still | None) -> str:
    """Give an image whose colours are described by code points a profile; return what they are called."""
    nclx = png.code_points(data, file) if isinstance(picture, PngImageFile) else still and still.nclx
    made = colours.profile(nclx) if nclx else None
    if made is None:
        return ""
    picture.info["icc_profile"], name = made
    return name


def _orientation(picture: Image.Image) -> int:
    try:
        orientation = picture.getexif().get(_ORIENTATION, 1)
    except _BROKEN_EXIF:
        return 1
    return orientation if orientation in convert.TURNS else 1

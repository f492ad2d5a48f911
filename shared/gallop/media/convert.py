"""Makes a picture right that DashScope could not take, or would take wrongly; nothing of its EXIF is kept."""

from __future__ import annotations

import io
import math
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from PIL import Image, ImageCms
from PIL.Image import Resampling, Transpose

from gallop.domain import models
from gallop.domain.faults import Fault
from gallop.domain.request.images import Usable

if TYPE_CHECKING:
    from collections.abc import Iterator

_ON_ITS_SIDE = "turned upright (its camera had stored it lying on its side)"
_MIRRORED = "mirrored (its camera had stored it the wrong way round)"
TURNS = {
    2: (Transpose.FLIP_LEFT_RIGHT, _MIRRORED),
    3: (Transpose.ROTATE_180, "turned upright (its camera had stored it upside down)"),
    4: (Transpose.FLIP_TOP_BOTTOM, _MIRRORED),
    5: (Transpose.TRANSPOSE, _ON_ITS_SIDE),
    6: (Transpose.ROTATE_270, _ON_ITS_SIDE),
    7: (Transpose.TRANSVERSE, _ON_ITS_SIDE),
    8: (Transpose.ROTATE_90, _ON_ITS_SIDE),
}
"""What an EXIF orientation asks for, and how to say that it was done."""

_LOSSLESS = {"PNG", "GIF", "BMP", "TIFF"}
_NAMES = {"HEIF": "HEIC", "MPO": "JPEG"}
_MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png"}
_OF_PRINT = {"CMYK", "LAB"}
_OF_PROFILES = {"L", "RGB", "RGBA", *_OF_PRINT}
# Quality, and how much less the colours are told than the light: not at all, then a quarter as finely, as phones do.
_QUALITIES = ((95, 0), (85, 2))
_MAX_JPEG_SIDE = 65_500
_LEVELS = 255
_DEEP_LEVELS = 65_535


def convert(where: str, picture: Image.Image, orientation: int, size: int, *, is_deep: bool) -> Usable | Fault:
    """Write a picture anew, upright, in the colours of a screen, within 20 MB. ``size`` is that of its file."""
    came_as = _NAMES.get(str(picture.format), str(picture.format))
    notes = _notes_on_pixels(picture, orientation, is_deep=is_deep)
    is_lossless = picture.format in _LOSSLESS
    # Pillow turns a TIFF by itself, while it decodes it.
    turn = TURNS[orientation][0] if orientation in TURNS and came_as != "TIFF" else None
    for step in (_eight_bits, lambda image: image if turn is None else image.transpose(turn), _in_srgb, _opaque):
        changed = step(picture)
        if changed is not picture:
            picture.close()  # at 100 million pixels, 400 MB
            picture = changed
    before = picture.size
    # What is left there would be written into the new file.
    picture.info = {}
    written = _within_limit(picture, is_lossless=is_lossless)
    if written is None:
        return _too_large(where)
    data, form, after = written
    if size > models.MAX_IMAGE_BYTES:
        notes.append(f"{size / 1024**2:.1f} MB of {came_as} made {_amount(len(data))} of {form}")
    elif came_as != form:
        notes.append(f"converted from {came_as} to {form}")
    if after != before:
        notes.append(f"scaled from {before[0]} x {before[1]} to {after[0]} x {after[1]} px")
    return Usable(data, _MEDIA_TYPES[form], f"{where}: {', '.join(notes)}")


def _notes_on_pixels(picture: Image.Image, orientation: int, *, is_deep: bool) -> list[str]:
    notes = []
    if orientation in TURNS:
        notes.append(TURNS[orientation][1])
    if picture.format == "HEIF" and getattr(picture, "n_frames", 1) > 1:
        notes.append("the main one of its pictures taken")
    if picture.mode in _OF_PRINT:
        notes.append(f"its colours of print ({picture.mode}) made those of a screen")
    if is_deep or picture.mode[0] in "IF":
        notes.append("its fine shades made the 256 of a screen")
    return notes


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Bring grey of 16 or 32 bits, or in fractions, to 256 shades."""
    if picture.mode[0] not in "IF":
        return picture
    peak = 1.0 if picture.mode == "F" else _LEVELS
    fine = picture.convert("I").convert("F") if ";" in picture.mode else picture.convert("F")
    highest = _DEEP_LEVELS if ";" in picture.mode else cast("tuple[float, float]", fine.getextrema())[1]
    white = next((scale for scale in (peak, _LEVELS, _DEEP_LEVELS) if highest <= scale), highest)
    return fine.point(lambda value: value * (_LEVELS / white)).convert("L")


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Bring colours to those of a screen, by the profile in the file if there is a good one."""
    profile = picture.info.get("icc_profile")
    if picture.mode not in _OF_PROFILES or "transparency" in picture.info:
        picture = picture.convert("RGBA" if picture.has_transparency_data else "L" if picture.mode == "1" else "RGB")
    with suppress(ImageCms.PyCMSError, OSError):
        if profile and not _is_srgb(profile):
            return _through(picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    if picture.mode == "LAB":
        return _through(picture, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    return picture.convert("RGB") if picture.mode == "CMYK" else picture


def _is_srgb(profile: bytes) -> bool:
    return "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))


def _through(picture: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    mode = "RGBA" if picture.mode == "RGBA" else "RGB"
    to_srgb = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), picture.mode, mode)
    return to_srgb.apply(picture)


def _opaque(picture: Image.Image) -> Image.Image:
    """Leave out a transparency that hides nothing."""
    if picture.mode != "RGBA":
        return picture
    *_, alpha = cast("tuple[tuple[int, int], ...]", picture.getextrema())
    return picture.convert("RGB") if alpha == (_LEVELS, _LEVELS) else picture


def _within_limit(picture: Image.Image, *, is_lossless: bool) -> tuple[bytes, str, tuple[int, int]] | None:
    """Write a picture as well as 20 MB allow; gives bytes, format and size, or None where it cannot be small enough."""
    while min(picture.size) >= models.IMAGE_SHORT_SIDE_PIXELS:
        for form, quality, subsampling in _ways(picture, is_lossless=is_lossless):
            stream = _Bounded()
            with suppress(_Full):
                picture.save(stream, form, quality=quality, subsampling=subsampling)
                return stream.getvalue(), form, picture.size
        is_lossless = False
        smaller = picture.resize((_shrunk(picture.width), _shrunk(picture.height)), Resampling.LANCZOS)
        picture.close()
        picture = smaller
    return None


def _ways(picture: Image.Image, *, is_lossless: bool) -> Iterator[tuple[str, int, int]]:
    if is_lossless or picture.mode == "RGBA":
        yield "PNG", 0, 0
    if picture.mode != "RGBA" and max(picture.size) <= _MAX_JPEG_SIDE:
        yield from (("JPEG", *quality) for quality in _QUALITIES)


def _shrunk(side: int) -> int:
    """Give a side of the picture of half the pixels."""
    return max(1, round(side * math.sqrt(0.5)))


def _amount(size: int) -> str:
    return f"{size / 1024**2:.1f} MB" if size > 1024**2 else f"{size / 1024:.0f} KB"


class _Full(Exception):
    """What is written no longer fits."""


class _Bounded(io.BytesIO):
    """A file that takes no more than DashScope does."""

    def write(self, piece: bytes, /) -> int:  # type: ignore[override]
        """Write a piece, if it fits."""
        if self.tell() + len(piece) > models.MAX_IMAGE_BYTES:
            raise _Full
        return super().write(piece)


def _too_large(where: str) -> Fault:
    limit, least = models.MAX_IMAGE_BYTES // 1024**2, models.IMAGE_SHORT_SIDE_PIXELS
    problem = f"cannot be brought under {limit} MB without its shorter side falling under {least} px"
    return Fault(where, problem, "Cut a part out of it and send that.")

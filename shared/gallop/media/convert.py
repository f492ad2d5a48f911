"""Convert an image that DashScope would refuse or misread to one that it accepts; EXIF data is dropped."""

from __future__ import annotations

import io
import math
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from PIL import Image, ImageCms
from PIL.Image import Resampling, Transpose

from gallop.domain.faults import Fault
from gallop.domain.request.images import Usable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.media_rules import ImageRules

_SIDEWAYS = "rotated upright (the camera stored it sideways)"
_MIRRORED = "mirrored (the camera stored a mirror image)"
TURNS = {
    2: (Transpose.FLIP_LEFT_RIGHT, _MIRRORED),
    3: (Transpose.ROTATE_180, "rotated upright (the camera stored it upside down)"),
    4: (Transpose.FLIP_TOP_BOTTOM, _MIRRORED),
    5: (Transpose.TRANSPOSE, _SIDEWAYS),
    6: (Transpose.ROTATE_270, _SIDEWAYS),
    7: (Transpose.TRANSVERSE, _SIDEWAYS),
    8: (Transpose.ROTATE_90, _SIDEWAYS),
}
"""For each EXIF orientation, the transposition that makes the image upright, and the note that says so."""

# From this orientation on, width and height change places.
_LYING = 5
_LOSSLESS = {"PNG", "GIF", "BMP", "TIFF"}
_NAMES = {"HEIF": "HEIC", "MPO": "JPEG"}
_MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png"}
_PRINT_MODES = {"CMYK", "LAB"}
_PROFILE_MODES = {"L", "RGB", "RGBA", *_PRINT_MODES}
# Quality and chroma subsampling: first none, then 4:2:0, as phones do.
_QUALITIES = ((95, 0), (85, 2))
_MAX_JPEG_SIDE = 65_500
_LEVELS = 255
_DEEP_LEVELS = 65_535


def convert(  # noqa: PLR0913 - what is known of the image
    where: str,
    picture: Image.Image,
    rules: ImageRules,
    orientation: int,
    size: int,
    *,
    is_deep: bool,
    colours: str = "",
    reduced_from: tuple[int, int] | None = None,
) -> Usable | Fault:
    """Rewrite an image, upright, in sRGB, within the limits of ``rules``.

    ``size`` is the size of its file in bytes; ``colours`` names those of its profile, if a note must name them;
    ``reduced_from`` is the stored size in pixels, if it is not the one that is decoded.
    """
    came_as = _NAMES.get(str(picture.format), str(picture.format))
    notes = _notes_on_pixels(picture, orientation, colours, is_deep=is_deep)
    is_lossless = picture.format in _LOSSLESS
    picture = _upright_in_srgb(picture, orientation, has_named_colours=bool(colours))
    before = picture.size
    if reduced_from is not None:
        before = reduced_from if orientation < _LYING else reduced_from[::-1]
    # Pillow would write the remaining metadata into the new file.
    picture.info = {}
    written = _within_limit(_within_shape(picture, rules), rules, is_lossless=is_lossless)
    if written is None:
        return _too_large(where, rules)
    data, form, after = written
    if size > rules.max_bytes:
        notes.append(f"reduced from {size / 1024**2:.1f} MB ({came_as}) to {_size_text(len(data))} ({form})")
    elif came_as != form:
        notes.append(f"converted from {came_as} to {form}")
    if after != before:
        notes.append(f"scaled from {before[0]} x {before[1]} to {after[0]} x {after[1]} px")
    return Usable(data, _MEDIA_TYPES[form], f"{where}: {', '.join(notes)}")


def _upright_in_srgb(picture: Image.Image, orientation: int, *, has_named_colours: bool) -> Image.Image:
    # Pillow rotates a TIFF itself while decoding.
    turn = TURNS[orientation][0] if orientation in TURNS and picture.format != "TIFF" else None
    for step in (
        _to_eight_bits,
        # The profile is one of three colours.
        lambda image: image.convert("RGB") if has_named_colours and image.mode == "L" else image,
        lambda image: image if turn is None else image.transpose(turn),
        _to_srgb,
        _without_opaque_alpha,
    ):
        changed = step(picture)
        if changed is not picture:
            picture.close()  # at 100 million pixels, 400 MB
            picture = changed
    return picture


def _notes_on_pixels(picture: Image.Image, orientation: int, colours: str, *, is_deep: bool) -> list[str]:
    notes = []
    if orientation in TURNS:
        notes.append(TURNS[orientation][1])
    if picture.format == "HEIF" and getattr(picture, "n_frames", 1) > 1:
        notes.append("only its main image used")
    if picture.mode in _PRINT_MODES or colours:
        notes.append(f"colours converted from {colours or picture.mode} to sRGB")
    if is_deep or picture.mode[0] in "IF":
        notes.append("reduced to 8 bits per channel")
    return notes


def _to_eight_bits(picture: Image.Image) -> Image.Image:
    """Convert greyscale of 16 or 32 bits, or in floating point, to 8 bits."""
    if picture.mode[0] not in "IF":
        return picture
    peak = 1.0 if picture.mode == "F" else _LEVELS
    fine = picture.convert("I").convert("F") if ";" in picture.mode else picture.convert("F")
    highest = _DEEP_LEVELS if ";" in picture.mode else cast("tuple[float, float]", fine.getextrema())[1]
    white = next((scale for scale in (peak, _LEVELS, _DEEP_LEVELS) if highest <= scale), highest)
    return fine.point(lambda value: value * (_LEVELS / white)).convert("L")


def _to_srgb(picture: Image.Image) -> Image.Image:
    """Convert colours to sRGB, by the file's ICC profile if it has a valid one."""
    profile = picture.info.get("icc_profile")
    if picture.mode not in _PROFILE_MODES or "transparency" in picture.info:
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


def _without_opaque_alpha(picture: Image.Image) -> Image.Image:
    """Drop an alpha channel that is opaque everywhere."""
    if picture.mode != "RGBA":
        return picture
    *_, alpha = cast("tuple[tuple[int, int], ...]", picture.getextrema())
    return picture.convert("RGB") if alpha == (_LEVELS, _LEVELS) else picture


def _within_limit(
    picture: Image.Image, rules: ImageRules, *, is_lossless: bool
) -> tuple[bytes, str, tuple[int, int]] | None:
    """Encode an image as well as the limits allow; return bytes, format and size, or None if that is impossible."""
    while min(picture.size) >= rules.short_side:
        for form, quality, subsampling in _encodings(picture, is_lossless=is_lossless):
            stream = _Bounded(rules.max_bytes)
            with suppress(_Full):
                picture.save(stream, form, quality=quality, subsampling=subsampling)
                return stream.getvalue(), form, picture.size
        is_lossless = False
        smaller = picture.resize(_shrunk(picture.size), Resampling.LANCZOS)
        picture.close()
        picture = smaller
    return None


def _encodings(picture: Image.Image, *, is_lossless: bool) -> Iterator[tuple[str, int, int]]:
    if is_lossless or picture.mode == "RGBA":
        yield "PNG", 0, 0
    if picture.mode != "RGBA" and max(picture.size) <= _MAX_JPEG_SIDE:
        yield from (("JPEG", *quality) for quality in _QUALITIES)


def _shrunk(size: tuple[int, int]) -> tuple[int, int]:
    """Return the sides of the image with half the pixels; rounding makes it no longer in shape."""
    longer = max(1, math.floor(max(size) * math.sqrt(0.5)))
    shorter = min(longer, math.ceil(min(size) * math.sqrt(0.5)))
    return (longer, shorter) if size[0] >= size[1] else (shorter, longer)


def _within_shape(picture: Image.Image, rules: ImageRules) -> Image.Image:
    """Cut off the row or column by which decoding at half the size, which rounds up, exceeds the shape."""
    if rules.max_aspect is None:
        return picture
    longest = math.floor(min(picture.size) * rules.max_aspect)
    width, height = (min(side, longest) for side in picture.size)
    if (width, height) == picture.size:
        return picture
    cut = picture.crop((0, 0, width, height))
    picture.close()
    return cut


def _size_text(size: int) -> str:
    return f"{size / 1024**2:.1f} MB" if size > 1024**2 else f"{size / 1024:.0f} KB"


class _Full(Exception):
    """The encoded image exceeds the limit."""


class _Bounded(io.BytesIO):
    """A file limited to the size that DashScope accepts, in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, piece: bytes, /) -> int:  # type: ignore[override]
        """Write a piece, if it fits; raise ``_Full`` if not."""
        if self.tell() + len(piece) > self._limit:
            raise _Full
        return super().write(piece)


def _too_large(where: str, rules: ImageRules) -> Fault:
    limit, least = rules.max_bytes // 1024**2, rules.short_side
    problem = f"cannot be reduced to {limit} MB unless its shorter side falls below {least} px"
    return Fault(where, problem, "Crop the image and send it again.")

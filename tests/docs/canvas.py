"""A canvas for the pictures of pages, drawn with Pillow."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from pathlib import Path

# Drawn twice as large, then made small: Pillow's own lines have steps.
SCALE = 2
INK, FAINT, GRID, PAPER = "#1f2933", "#6b7785", "#e4e8ed", "#ffffff"

Point = tuple[float, float]


def new(size: tuple[int, int]) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Return an empty picture of a size, and its pen."""
    picture = Image.new("RGB", (size[0] * SCALE, size[1] * SCALE), PAPER)
    return picture, ImageDraw.Draw(picture)


def save(picture: Image.Image, size: tuple[int, int], file: Path) -> None:
    """Save a picture in its size."""
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.resize(size, Image.Resampling.LANCZOS).save(file, optimize=True)


def box(pen: ImageDraw.ImageDraw, one: Point, other: Point, colour: str) -> None:
    """Fill a rectangle between two corners."""
    pen.rectangle([*scaled(one), *scaled(other)], fill=colour)


def line(pen: ImageDraw.ImageDraw, one: Point, other: Point, colour: str, width: float) -> None:
    """Draw a line."""
    pen.line([*scaled(one), *scaled(other)], fill=colour, width=round(width * SCALE))


def dot(pen: ImageDraw.ImageDraw, place: Point, colour: str) -> None:
    """Draw a dot."""
    pen.circle(scaled(place), 6 * SCALE, fill=colour, outline=PAPER, width=SCALE)


def text(  # noqa: PLR0913, PLR0917 - a text has a place and a look
    pen: ImageDraw.ImageDraw, place: Point, text: str, size: int, colour: str, anchor: str = "lm"
) -> None:
    """Write a text."""
    pen.text(scaled(place), text, font=font(size), fill=colour, anchor=anchor)


def scaled(place: Point) -> Point:
    """Return a place in the larger picture."""
    return place[0] * SCALE, place[1] * SCALE


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return the font of a size."""
    font = ImageFont.load_default(size * SCALE)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font

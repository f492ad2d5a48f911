"""Two kinds of charts for pages: bars that are compared, and panels of figures that grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.docs import canvas

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL import ImageDraw

COLOURS = ("#0f8a4d", "#d9822b", "#7a8fb8")
WIDTH, HEADER, LEFT, RIGHT = 900, 76, 200, 90
BAR, GAP = 16, 14
PANEL_WIDTH, PANEL_HEIGHT, PANEL_TOP, PANEL_BOTTOM = 300, 230, 40, 40


@dataclass(frozen=True, slots=True)
class Bars:
    """Groups of bars: a group's name, and a figure for each series; a small figure is better."""

    title: str
    subtitle: str
    series: Sequence[str]
    groups: Sequence[tuple[str, Sequence[float]]]
    unit: str
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Panel:
    """Figures by size."""

    title: str
    across: str
    sizes: Sequence[str]
    figures: Sequence[float]
    unit: str


def draw_bars(bars: Bars, file: Path) -> None:
    """Draw horizontal bars, group by group."""
    height = len(bars.series) * BAR + GAP
    size = (WIDTH, HEADER + len(bars.groups) * height + GAP)
    picture, pen = canvas.new(size)
    _head(pen, bars.title, bars.subtitle)
    x = float(LEFT)
    for name, colour in zip(bars.series, COLOURS, strict=False):
        canvas.dot(pen, (x, HEADER - 12), colour)
        canvas.text(pen, (x + 12, HEADER - 12), name, 13, canvas.INK)
        x += 46 + canvas.font(13).getlength(name) / canvas.SCALE
    most = max(figure for _, figures in bars.groups for figure in figures) or 1.0
    for number, (name, figures) in enumerate(bars.groups):
        top = HEADER + number * height + GAP / 2
        canvas.text(pen, (LEFT - 12, top + len(figures) * BAR / 2), name, 14, canvas.INK, "rm")
        for place, (figure, colour) in enumerate(zip(figures, COLOURS, strict=False)):
            y, end = top + place * BAR, LEFT + (WIDTH - LEFT - RIGHT) * figure / most
            canvas.box(pen, (LEFT, y + 1), (end, y + BAR - 2), colour)
            canvas.text(pen, (end + 8, y + BAR / 2), f"{figure:.{bars.digits}f} {bars.unit}", 12, canvas.FAINT)
    canvas.save(picture, size, file)


def draw_panels(title: str, subtitle: str, panels: Sequence[Panel], file: Path) -> None:
    """Draw panels beside each other, each with a bar for every size."""
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    size = (columns * PANEL_WIDTH, HEADER + rows * PANEL_HEIGHT)
    picture, pen = canvas.new(size)
    _head(pen, title, subtitle)
    for number, panel in enumerate(panels):
        _panel(pen, (number % columns * PANEL_WIDTH, HEADER + number // columns * PANEL_HEIGHT - 14), panel)
    canvas.save(picture, size, file)


def _panel(pen: ImageDraw.ImageDraw, corner: canvas.Point, panel: Panel) -> None:
    bottom, top = corner[1] + PANEL_HEIGHT - PANEL_BOTTOM, corner[1] + PANEL_TOP
    left, right = corner[0] + 24, corner[0] + PANEL_WIDTH - 24
    canvas.text(pen, (left, corner[1] + 16), panel.title, 14, canvas.INK)
    canvas.line(pen, (left, bottom), (right, bottom), canvas.GRID, 1)
    most = max(panel.figures) or 1.0
    step = (right - left) / len(panel.figures)
    for number, (name, figure) in enumerate(zip(panel.sizes, panel.figures, strict=True)):
        middle, height = left + step * (number + 0.5), (bottom - top - 20) * figure / most
        canvas.box(pen, (middle - 22, bottom - height), (middle + 22, bottom), COLOURS[0])
        shown = f"{figure:,.0f}" if figure >= 10 else f"{figure:.2g}"
        canvas.text(pen, (middle, bottom - height - 10), f"{shown} {panel.unit}".strip(), 12, canvas.INK, "mm")
        canvas.text(pen, (middle, bottom + 12), name, 12, canvas.FAINT, "mm")
    canvas.text(pen, ((left + right) / 2, bottom + 28), panel.across, 12, canvas.FAINT, "mm")


def _head(pen: ImageDraw.ImageDraw, title: str, subtitle: str) -> None:
    canvas.text(pen, (24, 20), title, 19, canvas.INK)
    canvas.text(pen, (24, 43), subtitle, 13, canvas.FAINT)

"""Draws ``docs/images/polling.png``: for each mix, what each schedule asks, and how late it notices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import polling as bench
from tests.docs import canvas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import ImageDraw

    from tests.bench.polling import Figures

FILE = Path(__file__).parents[2] / "docs" / "images" / "polling.png"
COLUMNS, PANEL_WIDTH, PANEL_HEIGHT = 3, 400, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 22, 44, 46
HEADER, FOOTER = 66, 54
HIGHEST_DELAY = 16.0
BETTER = "#e6f4ec"
COLOURS = {
    "fixed 15 s": "#d9822b",
    "fixed 5 s": "#b0a08a",
    "SDK 1.x": "#7a8fb8",
    "SDK 2.x": "#9a6fb0",
    bench.UNLEARNED: "#7cc29a",
    bench.LEARNED: "#0f8a4d",
}
TITLE = "How late a task's end is noticed, and by how many questions"
SUBTITLE = (
    "Dot: mean delay. Line: up to its 95th percentile. Shaded: fewer questions and less mean delay than every 5 s."
)


def draw(measured: Mapping[str, Mapping[str, Figures]]) -> None:
    """Draw the picture."""
    lines = -(-len(measured) // COLUMNS)
    size = (COLUMNS * PANEL_WIDTH, HEADER + lines * PANEL_HEIGHT + FOOTER)
    picture, pen = canvas.new(size)
    canvas.text(pen, (24, 20), TITLE, 21, canvas.INK)
    canvas.text(pen, (24, 46), SUBTITLE, 13, canvas.FAINT)
    for number, (name, schedules) in enumerate(measured.items()):
        corner = (number % COLUMNS * PANEL_WIDTH, HEADER + number // COLUMNS * PANEL_HEIGHT)
        _Panel(pen, corner, max(figures.questions for figures in schedules.values())).draw(name, schedules)
    _legend(pen, size[1] - FOOTER / 2)
    canvas.save(picture, size, FILE)


class _Panel:
    """One mix: questions a task to the right, delay upwards."""

    def __init__(self, pen: ImageDraw.ImageDraw, corner: canvas.Point, most_questions: float) -> None:
        self.pen, self.corner = pen, corner
        self.step = next(step for step in (1, 2, 5, 10, 20, 50, 100) if most_questions / step <= 5)
        self.most = most_questions * 1.06

    def draw(self, name: str, schedules: Mapping[str, Figures]) -> None:
        """Draw it."""
        other = schedules[bench.EVERY_5_SECONDS]
        canvas.box(self.pen, self.at(0, other.mean), self.at(other.questions, 0), BETTER)
        self._axes()
        canvas.text(self.pen, (self.corner[0] + LEFT, self.corner[1] + 22), name, 16, canvas.INK)
        for schedule, figures in schedules.items():
            self._mark(COLOURS[schedule], figures)

    def at(self, questions: float, delay: float) -> canvas.Point:
        """Give the place of a figure."""
        across = (PANEL_WIDTH - LEFT - RIGHT) * questions / self.most
        up = (PANEL_HEIGHT - TOP - BOTTOM) * delay / HIGHEST_DELAY
        return self.corner[0] + LEFT + across, self.corner[1] + PANEL_HEIGHT - BOTTOM - up

    def _axes(self) -> None:
        for delay in (0, 5, 10, 15):
            canvas.line(self.pen, self.at(0, delay), self.at(self.most, delay), canvas.GRID, 1)
            canvas.text(
                self.pen, (self.at(0, delay)[0] - 8, self.at(0, delay)[1]), f"{delay} s", 12, canvas.FAINT, "rm"
            )
        for questions in range(0, int(self.most) + 1, self.step):
            x, y = self.at(questions, 0)
            canvas.text(self.pen, (x, y + 14), str(questions), 12, canvas.FAINT, "mm")
        canvas.text(
            self.pen, (self.at(self.most / 2, 0)[0], self.at(0, 0)[1] + 31), "questions a task", 12, canvas.FAINT, "mm"
        )

    def _mark(self, colour: str, figures: Figures) -> None:
        mean, p95 = self.at(figures.questions, figures.mean), self.at(figures.questions, figures.p95)
        canvas.line(self.pen, mean, p95, colour, 2.5)
        canvas.line(self.pen, (p95[0] - 5, p95[1]), (p95[0] + 5, p95[1]), colour, 2.5)
        canvas.dot(self.pen, mean, colour)


def _legend(pen: ImageDraw.ImageDraw, y: float) -> None:
    x = 60.0
    for schedule, colour in COLOURS.items():
        canvas.dot(pen, (x, y), colour)
        canvas.text(pen, (x + 12, y), schedule, 14, canvas.INK)
        x += 46 + canvas.font(14).getlength(schedule) / canvas.SCALE

"""Writes ``docs/performance.md``, its plots and the README's figures from one run of ``make bench``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.docs import performance_pictures, performance_sections
from tests.docs.markdown import renew
from tests.docs.performance_targets import targets
from tests.docs.performance_text import TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.bench.machine import Machine

__all__ = ["PAGE", "README", "SUMMARY", "page", "section", "targets", "write"]

ROOT = Path(__file__).parents[2]
PAGE, README = ROOT / "docs" / "performance.md", ROOT / "README.md"
SUMMARY = "performance"
"""The README's block."""


def write(found: Mapping[str, Any], machine: Machine, seconds: float) -> None:
    """Write the page, its plots and the README's block."""
    PAGE.write_text(page(found, machine, seconds), encoding="utf-8")
    performance_pictures.draw(found)
    shown = renew(
        README.read_text(encoding="utf-8"), {SUMMARY: lambda: performance_sections.overhead(found["overhead"])}
    )
    README.write_text(shown, encoding="utf-8")


def section(part: str, figures: Any) -> str:  # noqa: ANN401 - the figures of any part
    """Return a part's table."""
    shown: str = getattr(performance_sections, part)(figures)
    return f"{shown}\n\n{performance_sections.memory(figures)}" if part == "cold_start" else shown


def page(found: Mapping[str, Any], machine: Machine, seconds: float) -> str:
    """Return the page."""
    tables = {part: getattr(performance_sections, part)(figures) for part, figures in found.items()}
    return TEXT.format(
        **tables,
        memory=performance_sections.memory(found["cold_start"]),
        targets=targets(found),
        machine=machine,
        minutes=seconds / 60,
        starts=found["cold_start"].starts,
        connections=found["door"].connections,
        before=found["door"].commit,
    )

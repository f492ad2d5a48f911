"""The page for people who drop images uses the product's words."""

from __future__ import annotations

import re
from pathlib import Path

from gallop.domain.drops import drop
from gallop.domain.job import JobState

from tests.e2e.examples import section

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "s3-door.md").read_text(encoding="utf-8")


def test_every_state_is_explained() -> None:
    """The states are those of jobs, and the two of drops that are not jobs."""
    cells = re.findall(r"^\| ([^|]+) \|", section(PAGE, "What the states mean"), re.MULTILINE)
    told = {state for cell in cells for state in re.findall(r"`(\w+)`", cell)} - {"state"}
    assert {"incomplete", "refused", *(state.value for state in JobState)} == told


def test_the_longest_path_is_as_documented() -> None:
    """A longer path is shortened."""
    (figure,) = re.findall(r"more than ([\d,]+) bytes is cut", PAGE)
    longest = "x" * int(figure.replace(",", ""))
    assert longest == drop.receipts_of(longest) != drop.receipts_of(longest + "x")

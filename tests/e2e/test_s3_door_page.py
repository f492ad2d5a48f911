"""The page for those who drop pictures: its words are those of the product."""

from __future__ import annotations

import re
from pathlib import Path

from gallop.domain.drops import drop
from gallop.domain.job import JobState

from tests.e2e.examples import section

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "s3-door.md").read_text(encoding="utf-8")


def test_every_state_is_explained() -> None:
    """Those of jobs, and the two of drops that are none."""
    cells = re.findall(r"^\| ([^|]+) \|", section(PAGE, "What the states mean"), re.MULTILINE)
    told = {state for cell in cells for state in re.findall(r"`(\w+)`", cell)} - {"state"}
    assert {"incomplete", "refused", *(state.value for state in JobState)} == told


def test_the_longest_path_is_what_the_page_says() -> None:
    """Before it is cut."""
    (figure,) = re.findall(r"more than ([\d,]+) bytes is cut", PAGE)
    longest = "x" * int(figure.replace(",", ""))
    assert longest == drop.receipts_of(longest) != drop.receipts_of(longest + "x")

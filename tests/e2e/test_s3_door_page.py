"""The page for those who drop pictures: its examples are run as they stand, and its words are those of the product."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from gallop.domain import drop
from gallop.domain.job import JobState

from tests.e2e.examples import run_all, section

if TYPE_CHECKING:
    from tests.testbed.stack import Testbed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "s3-door.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Stand in a folder that looks like the repository and may be written to."""
    for name in ("tests", "LICENSE"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.mark.parametrize(
    "title", ["What you drop, and what appears where", "When something is missing or wrong", "Cancelling"]
)
def test_examples_run_as_they_stand(title: str, testbed: Testbed, folder: Path) -> None:
    """Copied and pasted they work, and show what is shown."""
    run_all(PAGE, title, testbed, folder)


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

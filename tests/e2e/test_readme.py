"""The README is short, and a newcomer gets from it to the demo and the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEMO = ROOT / "tests" / "testbed" / "demo"
MAX_LINES = 150


def test_it_fits_on_one_screen_or_two() -> None:
    """Everything else is in docs/."""
    assert MAX_LINES >= len(README.splitlines())


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_it_names_the_commands_to_start_with(command: str) -> None:
    """They need Python and make only."""
    assert command in README


@pytest.mark.parametrize("line", [0, -2])
def test_it_shows_the_output_of_the_demo(line: int) -> None:
    """The first line and the one before the last do not vary from run to run."""
    output = README.partition("$ make demo\n")[2].partition("\n```")[0].splitlines()
    assert output[line] in "".join(path.read_text(encoding="utf-8") for path in DEMO.glob("*.py"))

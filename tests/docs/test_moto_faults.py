"""Each fault of moto that docs/moto-faults.md lists still exists; when moto fixes one, its workaround can go."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "moto-faults.md").read_text(encoding="utf-8")
PREAMBLE = PAGE.split("## ", maxsplit=1)[0].partition("```python\n")[2].partition("```")[0]
SECTIONS = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
FIXED = "moto no longer has this fault. Remove the workaround that docs/moto-faults.md names, and the entry itself."


def title(section: str) -> str:
    """Return the heading of a section."""
    return section.splitlines()[0].replace("`", "")


def reproduction(section: str) -> str:
    """Return the code of a section."""
    return section.partition("```python\n")[2].partition("```")[0]


@pytest.mark.parametrize("section", SECTIONS, ids=title)
def test_the_fault_still_exists(section: str) -> None:
    """The script on the page passes, as anyone can run it."""
    script = compile(f"{PREAMBLE}\n{reproduction(section)}", f"<{title(section)}>", "exec")
    names: dict[str, Any] = {"__name__": "reproduction"}
    with patch.dict(os.environ), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(script, names)
        except Exception as error:
            raise AssertionError(FIXED) from error
        finally:
            names["mock"].stop()


@pytest.mark.parametrize("section", SECTIONS, ids=title)
def test_the_entry_is_complete(section: str) -> None:
    """A report needs AWS's documentation, moto's behaviour and a script; we need the location of the workaround."""
    assert ["AWS", "moto", "Workaround"] == re.findall(r"^- (\w+):", section, re.MULTILINE)
    assert re.search(r"\(https://docs\.aws\.amazon\.com/\S+\)", section)
    assert "assert " in reproduction(section)
    assert [] == [path for path in re.findall(r"`(tests/[\w/.]+)`", section) if not (ROOT / path).exists()]

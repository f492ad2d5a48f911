"""Each fault of moto that docs/moto-faults.md lists still exists; when moto fixes one, its workaround can go."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from tests.docs.moto_faults import ROOT, SECTIONS, reproduction, title

FIXED = "moto no longer has this fault. Remove the workaround that docs/moto-faults.md names, and the entry itself."


@pytest.fixture(scope="module")
def failures() -> dict[str, str]:
    """Return what went wrong with each reproduction, by its title."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "tests.docs.moto_faults"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("section", SECTIONS, ids=title)
def test_the_fault_still_exists(section: str, failures: dict[str, str]) -> None:
    """The page's own script passes, as anyone can run it."""
    assert failures[title(section)] == "", FIXED


@pytest.mark.parametrize("section", SECTIONS, ids=title)
def test_the_entry_is_complete(section: str) -> None:
    """A report needs what AWS documents, what moto does, and a script; we need the place of the workaround."""
    assert ["AWS", "moto", "Workaround"] == re.findall(r"^- (\w+):", section, re.MULTILINE)
    assert re.search(r"\(https://docs\.aws\.amazon\.com/\S+\)", section)
    assert "assert " in reproduction(section)
    assert [] == [path for path in re.findall(r"`(tests/[\w/.]+)`", section) if not (ROOT / path).exists()]

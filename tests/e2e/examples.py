"""The examples of a page: what it offers to copy and paste, and what it shows as the answer."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.testbed import env

if TYPE_CHECKING:
    from tests.testbed.stack import Testbed


@dataclass(frozen=True, slots=True)
class Example:
    """Commands, and the JSON that is shown as their output, if any is."""

    language: str
    code: str
    shown: str | None


def section(page: str, title: str) -> str:
    """Give the text of a page under a heading, with that of deeper ones."""
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found is not None, f"there is no section {title!r}"
    return found[1]


def examples(page: str, title: str) -> list[Example]:
    """Give what a section of a page offers to copy and paste."""
    pattern = r"^```(sh|python)\n(.*?)^```\n(?:(?:<!-- [^\n]* -->\n)?```json\n(.*?)^```$)?"
    return [Example(*found) for found in re.findall(pattern, section(page, title), re.MULTILINE | re.DOTALL)]


def shape(value: object) -> object:
    """Give the names in a JSON document, without what varies from run to run."""
    match value:
        case dict():
            return {name: shape(inner) for name, inner in value.items()}
        case list():
            return [shape(inner) for inner in value]
        case _:
            return None


def run(example: Example, testbed: Testbed, folder: Path) -> str:
    """Run an example as a user of the testbed would; give what it shows."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, **env.variables(asdict(testbed.coordinates))}
    command = ["bash", "-euo", "pipefail", "-c"] if example.language == "sh" else [sys.executable, "-c"]
    done = subprocess.run(
        [*command, example.code], cwd=folder, env=variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert 0 == done.returncode, f"{example.code}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_all(page: str, title: str, testbed: Testbed, folder: Path) -> None:
    """Run the examples of a section in their order; they must work, and show what is shown."""
    offered = examples(page, title)
    for tool in ("aws", "curl"):
        if any(re.search(rf"\b{tool} ", example.code) for example in offered) and not shutil.which(tool):
            pytest.skip(f"no {tool} here")
    for example in offered:
        output = run(example, testbed, folder)
        if example.shown:
            assert shape(json.loads(example.shown)) == shape(json.loads(output))

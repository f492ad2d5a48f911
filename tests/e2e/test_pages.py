"""The examples in the documentation are run unchanged, on one running testbed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.examples import examples, run, run_all

if TYPE_CHECKING:
    from tests.testbed.stack import Testbed

ROOT = Path(__file__).parents[2]
SECTIONS = [
    ("README.md", "The S3 door", ("qipao.mp4", "qipao.json")),
    ("README.md", "The HTTPS door", ("https.mp4", "cat.mp4")),
    ("README.md", "When something goes wrong", ()),
    ("docs/s3-door.md", "What you drop, and what appears where", ()),
    ("docs/s3-door.md", "When something is missing or wrong", ()),
    ("docs/s3-door.md", "Cancelling", ()),
    ("docs/https-door.md", "Gallop's own", ("own.mp4", "own.jpg")),
    ("docs/https-door.md", "OpenAI's dialect", ("openai.mp4",)),
    ("docs/https-door.md", "DashScope's dialect", ()),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Change to a folder that looks like the repository and may be written to."""
    for name in ("tests", "LICENSE"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def text(page: str) -> str:
    """Read a page."""
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "title", "brings"), SECTIONS)
def test_examples_work_unchanged(
    page: str, title: str, brings: tuple[str, ...], testbed: Testbed, folder: Path
) -> None:
    """Run in order they work, print what is shown, and create the files that they name."""
    run_all(text(page), title, testbed, folder)
    assert all((folder / name).stat().st_size for name in brings)


def test_refusals_are_shown_exactly(testbed: Testbed, folder: Path) -> None:
    """A refusal has no variable parts, so the README shows exactly what anyone gets."""
    (example,) = examples(text("README.md"), "When something goes wrong")
    if not shutil.which("curl"):
        pytest.skip("no curl here")
    assert json.loads(str(example.shown)) == json.loads(run(example, testbed, folder))

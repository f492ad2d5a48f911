"""The examples that pages offer to copy and paste run unchanged, on one running testbed."""

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
    ("README.md", "The HTTPS door", ("https.mp4",)),
    ("docs/s3-door.md", "What you drop, and what you get", ()),
    ("docs/s3-door.md", "When something is missing or wrong", ()),
    ("docs/s3-door.md", "Cancelling", ()),
    ("docs/command.md", "Quick start", ("qipao.mp4", "videos")),
    ("docs/command.md", "In scripts", ("job.json", "horse.mp4")),
    ("docs/https-door.md", "Models", ()),
    ("docs/https-door.md", "Gallop's own", ("own.mp4", "own.jpg", "cat.mp4")),
    ("docs/https-door.md", "When something goes wrong", ()),
    ("docs/https-door.md", "OpenAI's dialect", ("openai.mp4",)),
    ("docs/https-door.md", "DashScope's dialect", ()),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that looks like the repository and may be written to."""
    for name in ("tests", "LICENSE"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def text(page: str) -> str:
    """Read a page."""
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "title", "brings"), SECTIONS)
def test_examples_run_as_they_stand(
    page: str, title: str, brings: tuple[str, ...], testbed: Testbed, folder: Path
) -> None:
    """Copied and pasted in their order they work, show what is shown, and bring the files that they name."""
    run_all(text(page), title, testbed, folder)
    assert all((folder / name).stat().st_size for name in brings)


def test_refusals_are_shown_word_for_word(testbed: Testbed, folder: Path) -> None:
    """Nothing in a refusal varies, so the page shows what anyone gets."""
    (example,) = examples(text("docs/https-door.md"), "When something goes wrong")
    if not shutil.which("curl"):
        pytest.skip("no curl here")
    assert json.loads(str(example.shown)) == json.loads(run(example, testbed, folder))

"""The page of polling says what the bench measures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.bench import polling as bench
from tests.docs import polling_page, polling_picture

if TYPE_CHECKING:
    from pathlib import Path


def test_the_words_are_those_of_the_bench() -> None:
    """After a change of the text, run `make bench-polling`."""
    written = polling_page.PAGE.read_text(encoding="utf-8")
    words = re.split(r"%\(\w+\)[ds]", polling_page.TEXT)
    assert [] == [part for part in words if part.replace("%%", "%") not in written]


@pytest.mark.parametrize("mix", [mix for mix in bench.MIXES if mix.name.startswith("80 s ±")], ids=lambda mix: mix.name)
def test_the_figures_are_those_of_the_code(mix: bench.Mix) -> None:
    """Only for mixes that take a second each; after a change of the schedule, run `make bench-polling`."""
    assert polling_page.rows(mix.name, bench.results(mix)) in polling_page.PAGE.read_text(encoding="utf-8")


def test_a_picture_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any measurement."""
    monkeypatch.setattr(polling_picture, "FILE", tmp_path / "polling.png")
    polling_picture.draw({"a mix": dict.fromkeys(polling_picture.COLOURS, bench.Figures(5.0, 10.0, 4.0))})
    assert (tmp_path / "polling.png").read_bytes().startswith(b"\x89PNG")

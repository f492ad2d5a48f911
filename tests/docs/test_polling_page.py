"""The polling page matches the measurements of the benchmark."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.bench import polling as bench
from tests.docs import polling_page, polling_picture

if TYPE_CHECKING:
    from pathlib import Path


def test_the_text_matches_the_benchmark() -> None:
    """After a change of the text, `make bench-polling` must be run."""
    written = polling_page.PAGE.read_text(encoding="utf-8")
    words = re.split(r"%\(\w+\)[ds]", polling_page.TEXT)
    assert [] == [part for part in words if part.replace("%%", "%") not in written]


@pytest.mark.parametrize("mix", [mix for mix in bench.MIXES if mix.name.startswith("80 s ±")], ids=lambda mix: mix.name)
def test_the_figures_match_the_code(mix: bench.Mix) -> None:
    """After a change of the schedule, `make bench-polling` must be run; only mixes that take a second are checked."""
    assert polling_page.rows(mix.name, bench.results(mix)) in polling_page.PAGE.read_text(encoding="utf-8")


def test_a_chart_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows any figures."""
    monkeypatch.setattr(polling_picture, "FILE", tmp_path / "polling.png")
    polling_picture.draw({"a mix": dict.fromkeys(polling_picture.COLOURS, bench.Figures(5.0, 10.0, 4.0))})
    assert (tmp_path / "polling.png").read_bytes().startswith(b"\x89PNG")

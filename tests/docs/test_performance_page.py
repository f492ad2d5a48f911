"""The page of ``make bench`` has a row for each target, and the README's figures are from it."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

import pytest

from tests.bench import door, record
from tests.bench.machine import this_machine
from tests.bench.part import PARTS, kind_of
from tests.docs import performance_page, performance_pictures, performance_targets, performance_text
from tests.docs.markdown import begin, end

if TYPE_CHECKING:
    from pathlib import Path

# How many there are of what a page unpacks.
COUNTS = {"Overhead": 3, "Door": 3}


def invented(kind: Any, owner: str = "") -> Any:  # noqa: ANN401 - a type, and a value of it
    """Return figures of a type."""
    if is_dataclass(kind):
        types, made = get_type_hints(kind), cast("Any", kind)
        return made(**{one.name: invented(types[one.name], made.__name__) for one in fields(kind)})
    if get_args(kind):
        return tuple(invented(get_args(kind)[0]) for _ in range(COUNTS.get(owner, 2)))
    return {int: 2, float: 3.5, str: "Authorize"}[kind]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return invented figures of every part."""
    monkeypatch.setattr("tests.bench.polling.LEARNED", "Authorize")
    monkeypatch.setattr("tests.bench.polling.EVERY_5_SECONDS", "Authorize")
    figures = {part: invented(kind_of(part)) for part in PARTS}
    routes = [replace(one, name=name) for one, (name, *_) in zip(figures["door"].routes, door.ROUTES, strict=True)]
    return {**figures, "door": replace(figures["door"], connections=door.CONNECTIONS, routes=tuple(routes))}


def block(text: str) -> str:
    """Return the README's block of figures."""
    return text.partition(begin(performance_page.SUMMARY))[2].partition(end(performance_page.SUMMARY))[0].strip()


def test_the_readme_shows_figures_of_the_page() -> None:
    """Both are written by one run of `make bench`."""
    shown = block(performance_page.README.read_text(encoding="utf-8"))
    assert re.search(r"\d", shown)
    assert shown in performance_page.PAGE.read_text(encoding="utf-8")


def test_every_target_has_a_row(found: dict[str, Any]) -> None:
    """Whether a target is reached is for the reader to see; no test depends on it."""
    page = performance_page.PAGE.read_text(encoding="utf-8")
    rows = performance_targets.rows(found)
    assert [] == [what for what, target, _ in rows if f"| {what} | {target} |" not in page]


def test_the_words_are_those_of_the_code() -> None:
    """After a change of the text, run `make bench`."""
    written = performance_page.PAGE.read_text(encoding="utf-8")
    assert [] == [part for part in re.split(r"\{[^}]+\}", performance_text.TEXT) if part not in written]


def test_a_page_has_all_parts(found: dict[str, Any]) -> None:
    """From the figures of any run."""
    page = performance_page.page(found, this_machine(), 300.0)
    assert [] == [part for part in PARTS if performance_page.section(part, found[part]).splitlines()[-1] not in page]


@pytest.mark.parametrize("part", PARTS)
def test_figures_survive_their_file(part: str, tmp_path: Path) -> None:
    """Each part runs in a process of its own, and leaves its figures in a file."""
    figures = invented(kind_of(part))
    record.write(tmp_path / "figures.json", figures)
    assert figures == record.read(tmp_path / "figures.json", kind_of(part))


def test_plots_are_drawn(found: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the figures of any run."""
    monkeypatch.setattr(performance_pictures, "FOLDER", tmp_path)
    performance_pictures.draw(found)
    assert ["cold-start", "door", "growth", "overhead"] == sorted(
        file.stem.removeprefix("performance-") for file in tmp_path.glob("*.png")
    )

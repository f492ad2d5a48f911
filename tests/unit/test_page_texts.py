"""The texts of the page for browsers: all in one file, so that others can translate it."""

from __future__ import annotations

import re

from tests.support.scripts import ROOT

FOLDER = ROOT / "functions" / "page"
TEXTS = "texts.en.js"
MODULES = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.js")}
NAMES = set(re.findall(r'^  "?([\w-]+)"?: ', MODULES[TEXTS], re.MULTILINE))
USED = {name for code in MODULES.values() for name in re.findall(r'\b(?:t|optional)\("([\w-]+)"', code)}


def test_every_text_that_is_used_exists() -> None:
    """Also where one of two is used, and in the lists of names."""
    assert set() == USED - NAMES


def test_every_text_is_used() -> None:
    """By its name, or by the beginning of its name with a value behind it."""
    others = "\n".join(code for name, code in MODULES.items() if name != TEXTS)
    begun = (*re.findall(r"`(\w+_)\$\{", others), "audio_")  # The choices of a parameter are from its model.
    named = set(re.findall(r'"([\w-]+)"', others))
    settings = {"language", "direction"}
    assert set() == {name for name in NAMES - named - settings if not name.startswith(begun)}

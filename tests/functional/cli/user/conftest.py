"""The command, and a user's world."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from gallop.cli import testbed
from gallop.cli.app import app
from gallop.cli.user import running
from gallop.client import AsyncGallop
from typer.testing import CliRunner, Result

from tests.functional.client.world import World, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Command:
    """Runs ``gallop`` in an empty folder, with an empty home."""

    world: World
    folder: Path

    def __call__(self, *words: str, answer: str = "") -> Result:
        """Run a command; it may fail."""
        return CliRunner().invoke(app, [*words], input=answer)

    def ok(self, *words: str, answer: str = "") -> str:
        """Run a command, which must succeed; return its standard output."""
        result = self(*words, answer=answer)
        assert 0 == result.exit_code, result.output + repr(result.exception)
        return result.stdout.strip()

    def json(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        """Run a command and parse what it prints."""
        return json.loads(self.ok(*words, "--json"))


@pytest.fixture
def world(sandbox: Sandbox) -> Iterator[World]:
    """Give the door and the buckets."""
    yield from opened(sandbox)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty folder of configurations, and no other way to a stack."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    for name in ("GALLOP_URL", "GALLOP_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(testbed, "RUNNING", tmp_path / "nothing.json")
    return tmp_path / "home"


@pytest.fixture
def gallop(world: World, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Give the command, with the world's address and key in its environment."""
    assert not home.exists()
    monkeypatch.setenv("GALLOP_URL", world.url)
    monkeypatch.setenv("GALLOP_KEY", world.key)
    monkeypatch.setattr(running, "AsyncGallop", partial(AsyncGallop, transport=world.transport()))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return Command(world, tmp_path / "work")

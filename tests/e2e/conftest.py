"""A running testbed for each module that only needs a healthy one; a process holds one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from gallop.cli import testbed as makeup
from gallop.cli.app import app
from typer.testing import CliRunner

from tests.e2e.caller import Caller
from tests.support.receivers import Receiver, receiver
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Gallop = Callable[..., str]

SPEED = 20.0


@pytest.fixture(scope="module")
def testbed() -> Iterator[Testbed]:
    """Run the template unchanged; incomplete drops get their error.json after a minute."""
    with Testbed(speed=SPEED, is_jumping=True, parameters={"IncompleteMinutes": "1"}) as running:
        yield running


@pytest.fixture(scope="module")
def caller(testbed: Testbed) -> Iterator[Caller]:
    """Return a caller of both of its doors."""
    with Caller(testbed) as position:
        yield position


@pytest.fixture
def gallop(caller: Caller, tmp_path: Path) -> Iterator[Gallop]:
    """Return the command line, connected to the running testbed; it reads ``answer`` and returns standard output."""
    file = tmp_path / "testbed.json"

    def run(*words: str, answer: str = "") -> str:
        file.write_text(caller.testbed.coordinates_now().to_json(), encoding="utf-8")
        result = CliRunner().invoke(app, words, input=answer)
        assert 0 == result.exit_code, result.output
        return result.stdout.strip()

    with patch.object(makeup, "RUNNING", file):
        yield run


@pytest.fixture
def shop() -> Iterator[Receiver]:
    """Give a receiver."""
    with receiver() as here:
        yield here

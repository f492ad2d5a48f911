"""The command line, on the deployed template."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import typer.main
from gallop.adapters.table import task_durations
from gallop.cli import app as app_module
from gallop.cli.app import app
from gallop.services import slots
from gallop.services.doctor import examine
from typer import testing
from typer.testing import CliRunner, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sandbox import Sandbox


# Typer would make the whole tree of commands again for each command that a test runs.
made_command = cache(typer.main.get_command)
operators_commands = cache(app_module._operators)  # noqa: SLF001 - its own would make it again as well


@dataclass(frozen=True, slots=True)
class Gallop:
    """Runs commands on the sandbox's stack."""

    sandbox: Sandbox

    def __call__(self, *words: str, stack: str = "gallop", answer: str = "") -> Result:
        """Run a command; it may fail."""
        slots.clear_cache()
        task_durations.clear_cache()
        # A message is visible again only some time after it was shown.
        self.sandbox.clock.advance(1)
        return CliRunner().invoke(app, [*words, "--stack", stack], input=answer)

    def ok(self, *words: str, answer: str = "") -> Result:
        """Run a command, which must succeed."""
        result = self(*words, answer=answer)
        assert 0 == result.exit_code, result.output + repr(result.exception)
        return result

    def json(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        """Run a command and parse what it prints."""
        return json.loads(self.ok(*words, "--json").stdout)


@pytest.fixture
def gallop(sandbox: Sandbox) -> Iterator[Gallop]:
    """Return the command line; checks of a stack are made one by one, because all functions share this process."""
    with (
        patch.object(examine, "MAX_AT_A_TIME", 1),
        patch.object(testing, "_get_command", made_command),
        patch.object(app_module, "_operators", operators_commands),
    ):
        yield Gallop(sandbox)

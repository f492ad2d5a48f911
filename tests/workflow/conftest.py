"""The stack with a state machine that runs: an execution is over when ``StartExecution`` returns."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker, SyncExecutionWorker

from tests.support import world as worlds
from tests.support.stack import Stack, deployed
from tests.testbed.clock import ManualClock
from tests.workflow.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator

_parse = cache(AmazonStateLanguageParser.parse)


def parsed(definition: str) -> Any:  # noqa: ANN401 - moto's own tree
    """Give the parsed workflow; to parse it takes longer than to run it."""
    program, source = _parse(definition)
    return deepcopy(program), source


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Give the deployed template; waits of its workflow move the clock and take no time."""
    with (
        patch.object(ExecutionWorker, "start", SyncExecutionWorker.start),
        patch.object(AmazonStateLanguageParser, "parse", staticmethod(parsed)),
        deployed(ManualClock(), executing=True) as stack,
    ):
        yield stack


@pytest.fixture
def runs(stack: Stack) -> Iterator[Runs]:
    """Give a world in which jobs run to their end."""
    with worlds.opened(stack) as world:
        yield Runs(world)
        stack.runner.replaced.clear()
        stack.runner.calls.clear()

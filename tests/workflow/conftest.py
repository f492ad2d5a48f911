"""The stack with state machines that run: an execution is over when ``StartExecution`` returns.

One that a step of another execution starts runs when that other is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from fake_dashscope.clock import ManualClock
from tests.support import sandbox as sandboxes
from tests.support.stack import Stack, deployed
from tests.workflow.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def one_after_the_other() -> Callable[[ExecutionWorker], None]:
    """Give what runs executions at once, but never one inside of another: handlers here have to take turns."""
    waiting: list[ExecutionWorker] = []

    def start(worker: ExecutionWorker) -> None:
        waiting.append(worker)
        if len(waiting) > 1:
            return
        while waiting:
            try:
                waiting[0]._execution_logic()  # type: ignore[no-untyped-call]  # noqa: SLF001 - moto's own
            finally:
                del waiting[0]

    return start


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Give the deployed template; waits of its workflows move the clock and take no time."""
    with (
        patch.object(ExecutionWorker, "start", one_after_the_other()),
        deployed(ManualClock(), executing=True) as stack,
    ):
        yield stack


@pytest.fixture
def runs(stack: Stack) -> Iterator[Runs]:
    """Return a sandbox in which jobs run completely."""
    with sandboxes.opened(stack) as sandbox:
        yield Runs(sandbox)
        stack.runner.replaced.clear()
        stack.runner.calls.clear()

"""The two back-ends: the stack, deployed once a module and empty for each test, and the product in process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fake_dashscope.clock import ManualClock
from tests.support import sandbox as sandboxes
from tests.support.promise import fresh
from tests.support.stack import Stack, deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.promise import Simulation
    from tests.support.sandbox import Sandbox


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Give the deployed template; executions are recorded and not run."""
    with deployed(ManualClock(), executing=False) as stack:
        yield stack


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Give a Gallop in process in which nothing has happened yet."""
    with fresh() as made:
        yield made


@pytest.fixture
def sandbox(stack: Stack) -> Iterator[Sandbox]:
    """Give a world in which nothing has happened yet."""
    with sandboxes.opened(stack) as sandbox:
        yield sandbox

"""The stack, deployed once a module, and a fresh world for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import world as worlds
from tests.support.stack import Stack, deployed
from tests.testbed.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.world import World


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Give the deployed template; executions are recorded and not run."""
    with deployed(ManualClock(), executing=False) as stack:
        yield stack


@pytest.fixture
def world(stack: Stack) -> Iterator[World]:
    """Give a world in which nothing has happened yet."""
    with worlds.opened(stack) as world:
        yield world

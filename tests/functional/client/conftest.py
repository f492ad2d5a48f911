"""A client and its world."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gallop.client import Gallop

from tests.functional.client.world import World, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sandbox import Sandbox


@pytest.fixture
def world(sandbox: Sandbox) -> Iterator[World]:
    """Give the door and the buckets."""
    yield from opened(sandbox)


@pytest.fixture
def client(world: World) -> Iterator[Gallop]:
    """Give a client of them."""
    with Gallop(world.url, world.key, transport=world.transport()) as made:
        yield made

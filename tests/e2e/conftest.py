"""A running testbed for each module that only needs a healthy one; a process holds one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.caller import Caller
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEED = 40.0


@pytest.fixture(scope="module")
def testbed() -> Iterator[Testbed]:
    """Run the template as it is; incomplete drops are told so after a minute, 1.5 s here."""
    with Testbed(speed=SPEED, parameters={"IncompleteMinutes": "1"}) as running:
        yield running


@pytest.fixture(scope="module")
def caller(testbed: Testbed) -> Iterator[Caller]:
    """Stand at both doors of it."""
    with Caller(testbed) as standing:
        yield standing

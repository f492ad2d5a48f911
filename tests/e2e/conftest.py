"""One running testbed for the tests that only need a healthy one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.caller import Caller
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Iterator

SPEED = 40.0


@pytest.fixture(scope="session")
def testbed() -> Iterator[Testbed]:
    """Run the template as it is; incomplete drops are told so after a minute, 1.5 s here."""
    with Testbed(speed=SPEED, parameters={"IncompleteMinutes": "1"}) as running:
        yield running


@pytest.fixture(scope="session")
def caller(testbed: Testbed) -> Iterator[Caller]:
    """Stand at both doors of it."""
    with Caller(testbed) as standing:
        yield standing

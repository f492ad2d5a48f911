"""A browser for each module, and a person with an empty tab for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.browser import browser, visitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.e2e.caller import Caller
    from tests.support.browser import Visitor


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Give a browser."""
    with browser() as started:
        yield started


@pytest.fixture
def person(chromium: Browser, caller: Caller) -> Iterator[Visitor]:
    """Give a person with an empty tab, in which nothing goes wrong."""
    with visitor(chromium, caller.at) as here:
        yield here

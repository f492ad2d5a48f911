"""A Gallop in process whose DashScope downloads every file, and measures it itself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from gallop.domain.prices import Scope

from fake_dashscope import Account, FakeDashScope, Limits, Switches, render
from fake_dashscope.clock import ManualClock
from tests.support import website as websites
from tests.support.films import film
from tests.support.promise import fresh

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.promise import Simulation
    from tests.support.website import Website

PLACES = {
    Scope.INTERNATIONAL: ("https://dashscope-intl.aliyuncs.com/api/v1", "ap-southeast-1"),
    Scope.MAINLAND: ("https://dashscope.aliyuncs.com/api/v1", "cn-beijing"),
}


def _render(_script: object, path: Path, *_: object) -> None:
    path.write_bytes(film())


@pytest.fixture
def website() -> Iterator[Website]:
    """Serve files to Gallop and to DashScope."""
    with websites.opened() as website:
        yield website


@pytest.fixture
def scope() -> Scope:
    """Return the part of DashScope, with prices of its own, that the stack is set to."""
    return Scope.INTERNATIONAL


@pytest.fixture
def gallop(scope: Scope, website: Website, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulation]:
    """Give a Gallop in which nothing has happened yet."""
    base_url, region = PLACES[scope]
    switches = Switches(task_seconds=60.0, render_ahead=False, audio=False, fetch="all")
    fake = FakeDashScope(
        ManualClock(), (Account(region=region),), limits=Limits.none(), switches=switches, get=website.download
    )
    with patch.object(render, "render", _render), fresh(fake=fake) as made:
        monkeypatch.setenv("DASHSCOPE_BASE_URL", base_url)
        yield made

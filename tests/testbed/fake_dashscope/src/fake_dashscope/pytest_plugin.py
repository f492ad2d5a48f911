"""Fixtures for tests of DashScope clients. pytest loads them if the package is installed.

Override ``dashscope_clock`` or ``fake_dashscope`` in a ``conftest.py`` or test module to configure the other two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import fake_dashscope as package

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def dashscope_clock() -> package.ManualClock:
    """Give the fake's clock: it starts at 2026-05-28 20:26:40 UTC and moves only when a test calls ``advance``."""
    return package.ManualClock()


@pytest.fixture
def fake_dashscope(dashscope_clock: package.Clock) -> package.FakeDashScope:
    """Make a fake with the default account, limits and switches. Nothing reaches it yet."""
    return package.FakeDashScope(dashscope_clock)


@pytest.fixture
def mounted_dashscope(fake_dashscope: package.FakeDashScope) -> Iterator[package.FakeDashScope]:
    """Answer httpx requests to DashScope's hosts with the fake; gives the fake."""
    with package.mounted(fake_dashscope):
        yield fake_dashscope


@pytest.fixture
def served_dashscope(fake_dashscope: package.FakeDashScope) -> Iterator[package.Server]:
    """Serve the fake on a free port of this machine; gives the server, with its ``api_url``."""
    with package.serve(fake_dashscope) as server:
        yield server

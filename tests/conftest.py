"""Plugins of all tests: the fake DashScope's, which pytest finds if the package is installed, and that of promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.docs.promises import Recorder

if TYPE_CHECKING:
    import pytest

pytest_plugins = ["fake_dashscope.pytest_plugin", "pytester"]


def pytest_configure(config: pytest.Config) -> None:
    """Record which promises were proven."""
    config.pluginmanager.register(Recorder())

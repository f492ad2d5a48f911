"""The testbed: an embedded AWS and a fake DashScope, on one clock. Nothing heavy is imported before it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fake_dashscope.core import FakeDashScope
    from fake_dashscope.server import serve

__all__ = ["FakeDashScope", "serve"]

_HOMES = {"FakeDashScope": "core", "serve": "server"}


def __getattr__(name: str) -> object:
    """Import what is exported when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"fake_dashscope.{_HOMES[name]}"), name)

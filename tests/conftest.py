"""What all tests share: the fake DashScope's plugin, the record of proven promises, and a process that saves work."""

from __future__ import annotations

import gc
from functools import cache
from typing import TYPE_CHECKING

from httpx import create_ssl_context
from httpx._transports import default as transports

from tests.docs.promises import Recorder
from tests.support import descriptions

if TYPE_CHECKING:
    import pytest

# pytest finds the first one without this if the package is installed.
pytest_plugins = ["fake_dashscope.pytest_plugin", "pytester"]
# Modules and tests live as long as the process: a full collection would look at all of them again and again.
RARELY = (50_000, 20, 50)


def pytest_configure(config: pytest.Config) -> None:
    """Record which promises were proven.

    Collect garbage rarely, read the certificate authorities once and not for each HTTP client, and botocore's
    descriptions of services once and not for each session.
    """
    config.pluginmanager.register(Recorder())
    gc.set_threshold(*RARELY)
    descriptions.remember()
    setattr(transports, "create_ssl_context", cache(create_ssl_context))  # noqa: B010 - not exported


def pytest_collection_finish() -> None:
    """Leave out of every further collection what is there now."""
    gc.collect()
    gc.freeze()

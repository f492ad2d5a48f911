"""What the testbed finds on systems other than Linux."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.metadata import distribution
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.testbed.aws import layers

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def without_native_client() -> Iterator[None]:
    """Hide the native module of AWS's runtime client: its package installs none where it is built from source."""

    def without_module(name: str) -> Any:  # noqa: ANN401 - what importlib gives, as far as it is used
        found = distribution(name)
        files = [file for file in found.files or () if not file.name.startswith("runtime_client")]
        return SimpleNamespace(files=files, locate_file=found.locate_file)

    with patch.object(layers, "distribution", without_module):
        yield

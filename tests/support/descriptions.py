"""The descriptions of AWS's services that botocore reads, once a process: it reads them again for each session."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.loaders import JSONFileLoader


def remember(but: str = "") -> None:
    """Let botocore read each file once, except those of a service: botocore changes what it has read of S3."""
    read = JSONFileLoader().load_file
    described = cache(read)

    def load(_: JSONFileLoader, path: str) -> Any:  # noqa: ANN401 - JSON
        return read(path) if but and f"/{but}/" in path else described(path)

    setattr(JSONFileLoader, "load_file", load)  # noqa: B010 - mypy refuses to replace a method

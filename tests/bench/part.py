"""One part in a process of its own: ``python -m tests.bench.part PART FILE`` writes its figures into the file.

Each line on its output says what is being measured.
"""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.bench import record

PARTS = {
    "calls": "Calls",
    "jobs": "Jobs",
    "line": "Lines",
    "listing": "Listings",
    "polling": "Polling",
    "result": "Results",
    "cold_start": "Starts",
    "door": "Door",
    "testbed": "Load",
    "overhead": "Overhead",
}
"""The parts in their order, and the class of the figures of each."""


def kind_of(part: str) -> Any:  # noqa: ANN401 - a class
    """Return the class of a part's figures."""
    return getattr(import_module(f"tests.bench.{part}"), PARTS[part])


def main(part: str, file: str) -> None:
    """Measure a part."""
    # The interpreter of state machines logs every failed call at length.
    logging.disable(logging.CRITICAL)
    figures = import_module(f"tests.bench.{part}").measure(lambda what: print(what, flush=True))  # noqa: T201 - for the process that shows it
    record.write(Path(file), figures)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The testbed that ``make up`` started in this checkout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RUNNING = Path(__file__).parents[3] / ".testbed.json"


def running() -> dict[str, Any]:
    """Return its addresses and keys; empty if none is running."""
    try:
        found: dict[str, Any] = json.loads(RUNNING.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found

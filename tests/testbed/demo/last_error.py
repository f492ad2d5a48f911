"""The last error of the functions, in two lines: where it happened, and what it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.testbed.aws.execution import Invocation

_FRAME = ("START RequestId: ", "END RequestId: ", "REPORT RequestId: ")
_FAULTS = ("ERROR", "CRITICAL")
_LONGEST = 300


def last_error(records: Sequence[Invocation]) -> str | None:
    """Return the last error that a function raised or logged; None if there is none."""
    for record in reversed(records):
        lines = list(_lines(record.log))
        logged = [entry for entry in map(_entry, lines) if entry.get("level") in _FAULTS]
        if record.error is None and not logged:
            continue
        detail = _detail(logged[-1]) if logged else next(reversed(lines), "It wrote no log.")
        return f"Last error: {record.error or 'logged'}, in {record.function}\n{detail[:_LONGEST]}"
    return None


def _lines(log: str) -> Iterator[str]:
    """Yield the lines that a function wrote itself."""
    return (line.strip() for line in log.splitlines() if line.strip() and not line.startswith(_FRAME))


def _entry(line: str) -> dict[str, Any]:
    """Parse a line of a JSON log; any other is an empty one."""
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _detail(entry: dict[str, Any]) -> str:
    """Return what a log entry says, in one line: an exception's last, rather than where it was caught."""
    if "errorMessage" in entry:
        text = f"{entry.get('errorType', 'Error')}: {entry['errorMessage']}"
    else:
        text = str(entry.get("exception") or entry.get("message"))
    return text.strip().splitlines()[-1] if text.strip() else "It says nothing."

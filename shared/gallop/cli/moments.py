"""Times as an operator writes them: how long ago, or when."""

from __future__ import annotations

from datetime import UTC, datetime

from gallop.cli.show import refuse
from gallop.domain.clients import keys


def parse(option: str, text: str, now: float) -> float | None:
    """Return a time in seconds since the epoch; None if the text is empty."""
    if not text:
        return None
    ago = keys.lifetime_seconds(text)
    if ago is not None:
        return now - ago
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        refuse(
            f"{option} {text!r} is not a valid time. "
            "Use minutes, hours or days ago (30m, 12h, 7d), or ISO 8601: 2026-11-27 or 2026-11-27T12:00Z."
        )
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def ago(seconds: float) -> str:
    """Format a duration for people: ``3 min``."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"

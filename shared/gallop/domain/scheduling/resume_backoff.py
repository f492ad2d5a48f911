"""When the sweep resumes a job whose execution failed because of an error inside Gallop, or of a long outage.

The pauses grow, because an error inside Gallop stays until somebody corrects it.
"""

from __future__ import annotations

SHORTEST_SECONDS, LONGEST_SECONDS = 120, 900
# The last resumption comes this long before the deadline, however long the pause is.
LAST_TRY_SECONDS = 300


def resume_at(resumes: int, now: float, deadline: float) -> float:
    """Return when a job that has been resumed so often is due again; times are seconds since the epoch."""
    pause = min(SHORTEST_SECONDS * 2.0**resumes, LONGEST_SECONDS)
    return min(now + pause, deadline - LAST_TRY_SECONDS)

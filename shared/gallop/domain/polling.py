"""When to ask DashScope again, and what to tell those who wait."""

from __future__ import annotations

from math import ceil

FIRST_ASK = 0.6
STEP = 0.08
LATE_STEP = 0.15
SHORTEST_SECONDS = 3
LONGEST_SECONDS = 60


def expected_seconds(resolution: str, duration: int) -> float:
    """Estimate how long a task runs, from the published samples (fact sheet §2).

    720P of 5 s took 80 s and 1080P of 15 s about 840 s; a start-up of 30 s and a rate per second of video go
    through both, and give 300 s for 1080P of 5 s, which lies in the 1 to 5 minutes that DashScope speaks of.
    """
    per_second = 54.0 if resolution == "1080P" else 10.0
    return 30.0 + per_second * duration


def next_wait(age: float, expected: float) -> int:
    """Give the whole seconds to wait before the next question about a task that is ``age`` seconds old.

    The first question comes at 60 % of the expected time, when few tasks have ended; around the expected time they
    come every 8 % of it; later in steps that grow with the age, so that a task that takes ten times as long is not
    asked ten times as often. Never under 3 s, never over 60 s once the first question is due.
    """
    first = FIRST_ASK * expected
    if age < first:
        return max(SHORTEST_SECONDS, ceil(first - age))
    step = STEP * expected if age < 2 * expected else LATE_STEP * age
    return round(min(max(step, SHORTEST_SECONDS), LONGEST_SECONDS))


def progress_percent(age: float, expected: float) -> int:
    """Estimate how far a running task is: it nears 95 and reaches it never."""
    return round(95 * (1 - 1 / (1 + (max(age, 0.0) / expected) * 2))) if expected > 0 else 0

"""What a lost reply meant, as far as DashScope's list of tasks can tell.

The list shows when a task was made and of which model, and nothing of its content (fact sheet §3). One attempt at a
time is in the air per account and model, so that a task of that model which appeared in the window of a lost attempt,
and which no job owns, is its task: when there is exactly one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_LOOK_SECONDS = 15
LOOK_AGAIN_SECONDS = 15
# The two clocks may differ by so much.
SKEW_SECONDS = 5
# A submit may be served by DashScope so long after we gave up on it.
LATE_SECONDS = 60
# Only after so long does "not in the list" mean "not made".
SETTLED_SECONDS = 120
# Longer than LATE_SECONDS would need; long enough that the windows of two lost attempts seldom meet.
LANE_HELD_SECONDS = 15
ATTEMPTS_AT_MOST = 3


@dataclass(frozen=True, slots=True)
class Adopt:
    """Exactly one task fits: it is taken for the job's, and checked when it ends."""

    task_id: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The list had time to show a task, and shows none: the job may send another submit."""


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several tasks fit; they are left alone."""

    count: int


@dataclass(frozen=True, slots=True)
class LookAgain:
    """It is too early to tell."""

    seconds: int


Verdict = Adopt | Absent | Ambiguous | LookAgain


def window(started_at: float, lost_at: float) -> tuple[float, float]:
    """Give the times between which a lost attempt may have made its task, in seconds since the epoch."""
    return started_at - SKEW_SECONDS, lost_at + LATE_SECONDS


def verdict(seconds_since_lost: float, unowned: Sequence[str]) -> Verdict:
    """Decide by the tasks in the window that no job owns.

    Right after the loss a task in the window may be another job's that has not yet written down its reply, so that
    even a single one is taken only after a while.
    """
    if len(unowned) == 1 and seconds_since_lost >= FIRST_LOOK_SECONDS:
        return Adopt(unowned[0])
    if seconds_since_lost < SETTLED_SECONDS:
        return LookAgain(LOOK_AGAIN_SECONDS)
    return Ambiguous(len(unowned)) if unowned else Absent()


def is_ours(ordered: tuple[str, str, str, int], made: tuple[str, str, str, float]) -> bool:
    """Tell by (prompt, resolution, ratio, seconds) whether an adopted task that ended is what was ordered.

    What DashScope did not tell (an empty text) is no evidence against it.
    """
    prompt, resolution, ratio, seconds = made
    told = [(ordered[0], prompt), (ordered[1], resolution), (ordered[2], ratio)]
    return all(not said or said == asked for asked, said in told) and seconds == ordered[3]

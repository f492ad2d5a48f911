"""What a lost reply meant, as far as DashScope's list of tasks can tell.

The list shows when a task was made and of which model, and nothing of its content (fact sheet §3). One attempt at a
time is in the air per account and model, and the lane stays closed for a while after a loss. So the time of a lost
attempt belongs to it alone: a task of that model which was made then, and which no job owns, is its task.
A task may also be made late, when the next attempt has begun; such a one could be the other's, and is not taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Longer than the function may run: an open attempt that is older was left by a run that is dead.
ATTEMPT_SECONDS = 95
# After a loss the lane stays closed for so long.
LANE_HELD_SECONDS = 15
# The two clocks may differ by so much.
SKEW_SECONDS = 5
# A submit may be served by DashScope so long after we gave up on it.
LATE_SECONDS = 60

FIRST_LOOK_SECONDS = 15
LOOK_AGAIN_SECONDS = range(15, 60)
# Only after so long does "not in the list" mean "not made".
SETTLED_SECONDS = 120
# For so long a task that was made late may still turn out to be another job's, whose workflow may have to be resumed.
LATE_SETTLED_SECONDS = 900
MAX_LOSSES = 3


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


def verdict(now: float, started_at: float, lost_at: float, unowned: Mapping[str, float]) -> Verdict:
    """Decide by the tasks in the window that no job owns: when each was made, by its id."""
    waited = now - lost_at
    alone_until = min(lost_at + LANE_HELD_SECONDS, started_at + ATTEMPT_SECONDS) - SKEW_SECONDS
    own = [task_id for task_id, made_at in unowned.items() if made_at <= alone_until]
    if len(own) == 1 and waited >= FIRST_LOOK_SECONDS:
        return Adopt(own[0])
    if waited < (LATE_SETTLED_SECONDS if unowned else SETTLED_SECONDS):
        return LookAgain(look_again_in(waited))
    return Ambiguous(len(unowned)) if unowned else Absent()


def look_again_in(waited: float) -> int:
    """Give the whole seconds until the next look: the longer the wait has been, the longer the next."""
    return max(LOOK_AGAIN_SECONDS.start, min(round(waited / 10), LOOK_AGAIN_SECONDS.stop))


def is_ours(ordered: tuple[str, str, str, int], made: tuple[str, str, str, float]) -> bool:
    """Tell by (prompt, resolution, ratio, seconds) whether an adopted task that ended is what was ordered.

    What DashScope did not tell (an empty text) is no evidence against it.
    """
    prompt, resolution, ratio, seconds = made
    pairs = [(ordered[0], prompt), (ordered[1], resolution), (ordered[2], ratio)]
    return all(not reported or reported == asked for asked, reported in pairs) and seconds == ordered[3]

"""Whether an attempt whose reply was lost has created a task, as far as DashScope's list of tasks shows it.

The list shows when a task was created and its model, but not its content (fact sheet §3). Only one attempt per account
and model is in progress at a time, and the lane stays closed for a while after a loss. A lost attempt therefore has a
time window of its own: a task of that model that was created in this window, and that no job owns, is its task.
A task may also be created late, after the next attempt has begun. It could belong to either, and is not adopted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

# Longer than the timeout of the function: an open attempt that is older belongs to a run that has ended.
ATTEMPT_SECONDS = 95
# How long the lane stays closed after a lost reply.
LANE_HELD_SECONDS = 15
# The maximum difference between the two clocks.
SKEW_SECONDS = 5
# How long after our timeout DashScope may still process a submit.
LATE_SECONDS = 60

FIRST_LOOK_SECONDS = 15
LOOK_AGAIN_SECONDS = range(15, 60)
# The age after which a task that is not in the list was certainly not created.
SETTLED_SECONDS = 120
# A list that was down may come back without its newest tasks: it must show none for this time.
UNLISTED_SECONDS = 90
# How long a task that was created late may still turn out to be another job's, whose workflow may have to be resumed.
LATE_SETTLED_SECONDS = 900
MAX_LOSSES = 3

# A result that follows its input may be cut between two frames.
SAME_SECONDS = 0.5


@frozen
class Adopt:
    """Exactly one task matches: it is adopted as the job's, and checked when it ends."""

    task_id: str


@frozen
class Absent:
    """The list has had time to show a task, and shows none: the job may send another submit."""


@frozen
class Ambiguous:
    """No task can be attributed to the job with certainty; the ``count`` candidates are left alone."""

    count: int


@frozen
class LookAgain:
    """It is too early to decide: look again in ``seconds``."""

    seconds: int


Verdict = Adopt | Absent | Ambiguous | LookAgain


def window(started_at: float, lost_at: float) -> tuple[float, float]:
    """Return the times between which a lost attempt may have created its task, in seconds since the epoch."""
    return started_at - SKEW_SECONDS, lost_at + LATE_SECONDS


def verdict(
    now: float, started_at: float, lost_at: float, unowned: Mapping[str, float], unlisted_since: float | None
) -> Verdict:
    """Decide by the tasks in the window that no job owns; ``unowned`` maps their ids to their creation times.

    ``unlisted_since`` is when the list was first read after the loss and showed none.
    """
    waited = now - lost_at
    alone_until = min(lost_at + LANE_HELD_SECONDS, started_at + ATTEMPT_SECONDS) - SKEW_SECONDS
    own = [task_id for task_id, created_at in unowned.items() if created_at <= alone_until]
    if len(own) == 1 and waited >= FIRST_LOOK_SECONDS:
        return Adopt(own[0])
    if waited < (LATE_SETTLED_SECONDS if unowned else SETTLED_SECONDS):
        return LookAgain(look_again_in(waited))
    if unowned:
        return Ambiguous(len(unowned))
    is_certain = unlisted_since is not None and now - unlisted_since >= UNLISTED_SECONDS
    return Absent() if is_certain else LookAgain(look_again_in(waited))


def look_again_in(waited: float) -> int:
    """Return the whole seconds until the next look; they grow with the time already waited."""
    return max(LOOK_AGAIN_SECONDS.start, min(round(waited / 10), LOOK_AGAIN_SECONDS.stop))


@frozen
class Made:
    """What was ordered, or what DashScope reports of a task that ended; empty texts are not ordered, or not reported.

    ``seconds`` are the shortest and the longest length of the result; None if the model decides it.
    """

    prompt: str
    resolution: str
    ratio: str
    seconds: tuple[float, float] | None


def is_ours(ordered: Made, reported: Made) -> bool:
    """Return whether an adopted task that ended matches the order.

    What DashScope did not report is not compared, except for the length; a ratio only if one was ordered.
    """
    is_same = (
        reported.prompt in ("", ordered.prompt)
        and reported.resolution in ("", ordered.resolution)
        and (not ordered.ratio or reported.ratio in ("", ordered.ratio))
    )
    if ordered.seconds is None or not is_same:
        return is_same
    shortest, longest = ordered.seconds
    return reported.seconds is not None and shortest - SAME_SECONDS < reported.seconds[0] < longest + SAME_SECONDS

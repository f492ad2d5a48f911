"""Where a run of a function is killed, or has a bug: before or after one of its calls to the world, by its name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Moment(StrEnum):
    """On which side of the call."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class KillPoint:
    """One side of one call of a run: ``UpdateItem#2-after`` is right after its second ``UpdateItem``.

    A bug does not end the process: the code raises an exception there that nobody expects.
    """

    call: str
    occurrence: int
    moment: Moment
    is_bug: bool = False

    def __str__(self) -> str:
        return f"{'bug at ' if self.is_bug else ''}{self.call}#{self.occurrence}-{self.moment}"


@dataclass(frozen=True, slots=True)
class KillPlan:
    """A kill of the next run of a function on an event with a text in it; without a point, its calls are only noted."""

    function: str
    matching: str
    point: KillPoint | None

    def __str__(self) -> str:
        return f"{self.function} {self.point or 'counted'}, on an event with {self.matching!r}"


def before(call: str, occurrence: int = 1) -> KillPoint:
    """Kill a run when it is about to make a call."""
    return KillPoint(call, occurrence, Moment.BEFORE)


def after(call: str, occurrence: int = 1) -> KillPoint:
    """Kill a run when a call of it was served, before it makes another one."""
    return KillPoint(call, occurrence, Moment.AFTER)


def points_of(calls: Iterable[str]) -> list[KillPoint]:
    """Give every place at which a run that makes these calls can die: before the first one, and after each."""
    made = Counter[str]()
    points = list[KillPoint]()
    for call in calls:
        made[call] += 1
        points += [*([] if points else [before(call)]), after(call, made[call])]
    return points

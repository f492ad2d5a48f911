"""Threads that wait for an event, at most until a simulated time: a heap of their times, and how they are woken."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf
from threading import Condition, Event, Lock


@dataclass(slots=True)
class Alarm:
    """A thread that waits for an event until a time."""

    event: Event
    is_woken: bool = False
    has_left: bool = False

    def wait(self, longest_s: float) -> bool:
        """Wait until the event is set or cleared, or the alarm rings, at most for real seconds; return if it is set."""
        with self._condition:
            if not self.event.is_set() and not self.is_woken:
                self._condition.wait(max(0.0, longest_s))
        return self.event.is_set()

    def ring(self) -> None:
        """End the wait, and leave the event as it is."""
        with self._condition:
            self._condition.notify_all()

    @property
    def _condition(self) -> Condition:
        condition: Condition = self.event._cond  # type: ignore[attr-defined]  # noqa: SLF001 - an event cannot be left
        return condition


@dataclass(slots=True)
class Alarms:
    """All of them."""

    woken: int = field(init=False, default=0)
    """How many have rung and their threads have not continued yet."""
    _due: list[tuple[float, int, Alarm]] = field(init=False, default_factory=list)
    _number: count[int] = field(init=False, default_factory=count)
    _lock: Lock = field(init=False, default_factory=Lock)

    def add(self, event: Event, until: float) -> Alarm:
        """Set one for a thread that is about to wait."""
        alarm = Alarm(event)
        with self._lock:
            heappush(self._due, (until, next(self._number), alarm))
        return alarm

    def leave(self, alarm: Alarm) -> None:
        """Note that its thread continues."""
        with self._lock:
            alarm.has_left = True
            self.woken -= alarm.is_woken

    def next_due(self) -> float:
        """Return the earliest time; infinity if nothing waits."""
        with self._lock:
            while self._due and self._due[0][2].has_left:
                heappop(self._due)
            return self._due[0][0] if self._due else inf

    def ring(self, now: float) -> None:
        """Ring all that are due."""
        ringing = []
        with self._lock:
            while self._due and self._due[0][0] <= now:
                alarm = heappop(self._due)[2]
                if not alarm.has_left:
                    alarm.is_woken = True
                    self.woken += 1
                    ringing.append(alarm)
        for alarm in ringing:
            alarm.ring()

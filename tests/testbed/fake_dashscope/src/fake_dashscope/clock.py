"""The clocks: running times, rate limits, expiry and stalls all follow one of them.

A ``ScaledClock`` starts at the real time and then runs ``speed`` times as fast. Processes that are given the same two
numbers (``anchor``, ``speed``) have the same simulated time without talking to each other.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from threading import Event


class Clock(Protocol):
    """What a clock can do."""

    def now(self) -> float:
        """Return the simulated time in seconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of simulated time."""
        ...


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """Real time that runs ``speed`` times as fast from ``anchor`` (seconds since the epoch)."""

    speed: float = 1.0
    anchor: float = field(default_factory=time.time)

    def now(self) -> float:
        """Return the simulated time in seconds since the epoch."""
        return self.anchor + (time.time() - self.anchor) * self.speed

    def real(self, seconds: float) -> float:
        """Convert simulated seconds to real seconds."""
        return seconds / self.speed

    def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of simulated time."""
        time.sleep(max(0.0, self.real(seconds)))

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait until an event is set, at most for simulated seconds; return whether it is."""
        return event.wait(max(0.0, self.real(seconds)))

    def age(self, since: float) -> float:
        """Return how many simulated seconds have passed since a moment of real time."""
        return (time.time() - since) * self.speed


@dataclass(slots=True)
class ManualClock:
    """Time that moves only when a test says so."""

    time: float = 1_780_000_000.0

    def now(self) -> float:
        """Return the simulated time in seconds since the epoch."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Move the time forward by ``seconds`` without waiting."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move the time forward by ``seconds``."""
        self.time += seconds

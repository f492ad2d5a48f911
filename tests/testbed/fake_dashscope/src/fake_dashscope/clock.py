"""One clock for the whole testbed: task durations, workflow waits, queue delays and expiry scale alike.

Simulated time starts at the real time and then runs ``speed`` times as fast. Every process of the testbed
derives the same simulated time from the same two numbers (``anchor``, ``speed``), so they agree without talking.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    """What the testbed asks of a clock."""

    def now(self) -> float:
        """Give the simulated time in seconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return when ``seconds`` of simulated time have passed."""
        ...


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """Real time, run ``speed`` times as fast from ``anchor`` (seconds since the epoch) on."""

    speed: float = 1.0
    anchor: float = field(default_factory=time.time)

    def now(self) -> float:
        """Give the simulated time in seconds since the epoch."""
        return self.anchor + (time.time() - self.anchor) * self.speed

    def real(self, seconds: float) -> float:
        """Give the real seconds that ``seconds`` of simulated time take."""
        return seconds / self.speed

    def sleep(self, seconds: float) -> None:
        """Return when ``seconds`` of simulated time have passed."""
        time.sleep(max(0.0, self.real(seconds)))


@dataclass(slots=True)
class ManualClock:
    """Time that stands still until a test moves it."""

    time: float = 1_780_000_000.0

    def now(self) -> float:
        """Give the simulated time in seconds since the epoch."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Move the time on by ``seconds``; nothing waits."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move the time on by ``seconds``."""
        self.time += seconds

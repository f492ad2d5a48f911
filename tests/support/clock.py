"""A clock for moto that a test moves."""

from __future__ import annotations

from tests.testbed.clock import ManualClock


class StandingClock(ManualClock):
    """Time that stands still until a test, or a wait, moves it."""

    def real(self, seconds: float) -> float:
        """Give time-outs as they are: nothing that a test runs in process should reach one."""
        return seconds

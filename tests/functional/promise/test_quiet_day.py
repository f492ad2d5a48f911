"""A day of load without a fault raises no alarm."""

from __future__ import annotations

from tests.support.promise.money import created
from tests.support.promise.watched import watched

# Of a user, whose content DashScope refuses.
FAILS = {"code": "DataInspectionFailed", "message": "Input data may contain inappropriate content."}
PAUSE_MINUTES = 15


def test_a_quiet_day_raises_no_alarm() -> None:
    """Jobs at a steady pace, of which every fifth fails for a reason of its user."""
    with watched() as quiet:
        for number in range(24 * 60 // PAUSE_MINUTES):
            if number % 5 == 0:
                quiet.simulation.fake.fault(on="task", kind="fail", times=1, **FAILS)
            created(quiet.simulation, f"Clip {number} of [Image 1].")
            quiet.run(PAUSE_MINUTES)
        assert set() == quiet.raised

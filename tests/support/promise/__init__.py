"""The product in process, on a clock that stands still: every external call may be the last, time jumps at will."""

from tests.support.calls import Calls, Killed
from tests.support.promise.simulation import Simulation, fresh

__all__ = ["Calls", "Killed", "Simulation", "fresh"]

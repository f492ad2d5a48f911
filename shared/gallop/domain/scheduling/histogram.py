"""How long tasks of one kind run: a small histogram that forgets, and so follows a vendor who gets faster or slower.

A task is counted in a bin whose edges grow by 8 %, as what matters of a time is its order of size. Before each new
task all that was counted before loses a fiftieth of its weight: after 200 tasks, 2 % of what was first known is left,
and in the end nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import erf, log, sqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
SHORTEST, GROWTH, BINS = 5.0, 1.08, 100
EDGES = tuple(SHORTEST * GROWTH**number for number in range(BINS + 1))
MIDDLES = tuple((low + high) / 2 for low, high in pairwise(EDGES))
KEPT, FORGOTTEN = 0.98, 0.001
# A task says something of its neighbours, too: 50 tasks in 100 bins would leave holes.
SPREAD = (1, 2, 3, 2, 1)
# What was published is worth a few tasks, and lies this wide: 40 s, 80 s and 102 s were told of nearly the same task.
SEED_WEIGHT, SEED_DEVIATION = 5.0, 0.9


@dataclass(frozen=True, slots=True)
class Histogram:
    """The weight of each bin, to the millionth, and the number of tasks that were ever counted."""

    weights: tuple[float, ...]
    tasks: int = 0

    @property
    def mean(self) -> float:
        """Give the mean of the known times, in seconds."""
        return sum(w * middle for w, middle in zip(self.weights, MIDDLES, strict=True)) / sum(self.weights)

    def with_task(self, seconds: float) -> Histogram:
        """Count one more task, and forget a little of the others."""
        weights = [weight * KEPT if weight >= FORGOTTEN else 0.0 for weight in self.weights]
        middle = bin_of(seconds)
        for offset, share in enumerate(SPREAD, -(len(SPREAD) // 2)):
            weights[min(max(middle + offset, 0), BINS - 1)] += share / sum(SPREAD)
        return Histogram(tuple(round(weight, 6) for weight in weights), self.tasks + 1)

    def as_map(self) -> dict[str, Any]:
        """Write it down in whole numbers: what ``from_map`` reads."""
        return {
            "format": FORMAT,
            "tasks": self.tasks,
            "weights": [round(1_000_000 * weight) for weight in self.weights],
        }


def from_map(written: Mapping[str, Any]) -> Histogram:
    """Read what ``as_map`` wrote.

    Raises:
        ValueError: it is not that, or of another format.

    """
    try:
        weights = tuple(float(Decimal(weight) / 1_000_000) for weight in written["weights"])
        histogram, known = Histogram(weights, int(written["tasks"])), int(written["format"])
    except (ArithmeticError, KeyError, TypeError) as error:
        raise ValueError("not a sketch") from error
    if known != FORMAT or len(weights) != BINS or min(weights) < 0 or not sum(weights):
        raise ValueError("a sketch of another format")
    return histogram


def expected_seconds(resolution: str, duration: int) -> float:
    """Estimate how long a task runs, from the published samples (fact sheet §2).

    720P of 5 s took 80 s and 1080P of 15 s about 840 s; a start-up of 30 s and a rate per second of video go
    through both, and give 300 s for 1080P of 5 s, which lies in the 1 to 5 minutes that DashScope speaks of.
    """
    per_second = 54.0 if resolution == "1080P" else 10.0
    return 30.0 + per_second * duration


def seed(resolution: str, duration: int) -> Histogram:
    """Give what is known before the first task: log-normal about the estimate, two thirds within a factor of 1.8."""
    below = [_normal(log(edge / expected_seconds(resolution, duration)) / SEED_DEVIATION) for edge in EDGES]
    return Histogram(tuple(round(SEED_WEIGHT * (high - low), 6) for low, high in pairwise(below)))


def bin_of(seconds: float) -> int:
    """Give the bin of a time; what lies beyond the edges counts in the last one."""
    return min(max(int(log(max(seconds, SHORTEST) / SHORTEST) / log(GROWTH)), 0), BINS - 1)


def _normal(deviations: float) -> float:
    return (1 + erf(deviations / sqrt(2))) / 2

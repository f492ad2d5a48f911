"""The run times of tasks of one kind: a small histogram that forgets, so that it follows a vendor's changes in speed.

The edges of the bins grow by 8 %, because the order of magnitude of a time matters. Each new task first reduces the
weight of all earlier ones by 2 %: after 200 tasks, 2 % of the initial weight is left, and eventually none.
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
# A task also counts in the neighbouring bins: 50 tasks in 100 bins would leave gaps.
SPREAD = (1, 2, 3, 2, 1)
# The published samples count as a few tasks, with this deviation: 40 s, 80 s and 102 s were reported for nearly the
# same task.
SEED_WEIGHT, SEED_DEVIATION = 5.0, 0.9


@dataclass(frozen=True, slots=True)
class Histogram:
    """The weight of each bin, rounded to a millionth, and the total number of tasks counted."""

    weights: tuple[float, ...]
    tasks: int = 0

    @property
    def mean(self) -> float:
        """The mean run time, in seconds."""
        return sum(w * middle for w, middle in zip(self.weights, MIDDLES, strict=True)) / sum(self.weights)

    def with_task(self, seconds: float) -> Histogram:
        """Count another task of this run time, and reduce the weight of the earlier ones."""
        weights = [weight * KEPT if weight >= FORGOTTEN else 0.0 for weight in self.weights]
        middle = bin_of(seconds)
        for offset, share in enumerate(SPREAD, -(len(SPREAD) // 2)):
            weights[min(max(middle + offset, 0), BINS - 1)] += share / sum(SPREAD)
        return Histogram(tuple(round(weight, 6) for weight in weights), self.tasks + 1)

    def as_map(self) -> dict[str, Any]:
        """Convert it to whole numbers, for ``from_map``."""
        return {
            "format": FORMAT,
            "tasks": self.tasks,
            "weights": [round(1_000_000 * weight) for weight in self.weights],
        }


def from_map(written: Mapping[str, Any]) -> Histogram:
    """Read the output of ``as_map``.

    Raises:
        ValueError: the map is not a histogram, or has another format.

    """
    try:
        weights = tuple(float(Decimal(weight) / 1_000_000) for weight in written["weights"])
        histogram, version = Histogram(weights, int(written["tasks"])), int(written["format"])
    except (ArithmeticError, KeyError, TypeError) as error:
        raise ValueError("not a histogram") from error
    if version != FORMAT or len(weights) != BINS or min(weights) < 0 or not sum(weights):
        raise ValueError("a histogram of another format")
    return histogram


def expected_seconds(resolution: str, duration: float) -> float:
    """Estimate how long a task runs, in seconds, from the published samples (fact sheet §2).

    5 s of 720P took 80 s, and 15 s of 1080P about 840 s. A start-up time of 30 s and a rate per second of video fit
    both samples, and give 300 s for 5 s of 1080P, which is within DashScope's own range of 1 to 5 minutes.
    """
    per_second = 54.0 if resolution == "1080P" else 10.0
    return 30.0 + per_second * duration


def seed(resolution: str, duration: float) -> Histogram:
    """Return the histogram before the first task: log-normal around the estimate, with deviation ``SEED_DEVIATION``."""
    below = [_normal(log(edge / expected_seconds(resolution, duration)) / SEED_DEVIATION) for edge in EDGES]
    return Histogram(tuple(round(SEED_WEIGHT * (high - low), 6) for low, high in pairwise(below)))


def bin_of(seconds: float) -> int:
    """Return the bin of a run time in seconds; times outside the edges belong to the first or last bin."""
    return min(max(int(log(max(seconds, SHORTEST) / SHORTEST) / log(GROWTH)), 0), BINS - 1)


def _normal(deviations: float) -> float:
    return (1 + erf(deviations / sqrt(2))) / 2

"""How long the last tasks of one kind ran: a short list, so that it follows a vendor's changes in speed."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

# Format 1 was a histogram.
FORMAT = 2
KEPT_TASKS = 50
# Before the first task, as shares of the estimate: 40 s, 80 s and 102 s were reported for nearly the same task.
PUBLISHED_SHARES = (0.6, 1.0, 1.4)


@frozen
class RunTimes:
    """The run times of the last tasks, in seconds, the newest last, and the number of all tasks counted."""

    seconds: tuple[float, ...]
    tasks: int = 0

    @property
    def mean(self) -> float:
        """The mean run time, in seconds."""
        return sum(self.seconds) / len(self.seconds)

    def after(self, share: float) -> float:
        """Return the run time after which this share of the tasks had ended; 0 gives the fastest, 1 the slowest."""
        return sorted(self.seconds)[min(int(share * len(self.seconds)), len(self.seconds) - 1)]

    def with_task(self, seconds: float) -> RunTimes:
        """Add a task, and forget the oldest one if there are more than ``KEPT_TASKS``."""
        return RunTimes((*self.seconds, round(seconds, 3))[-KEPT_TASKS:], self.tasks + 1)

    def as_map(self) -> dict[str, Any]:
        """Convert it to whole numbers, for ``from_map``."""
        return {"format": FORMAT, "tasks": self.tasks, "milliseconds": [round(1000 * one) for one in self.seconds]}


def from_map(written: Mapping[str, Any]) -> RunTimes:
    """Read the output of ``as_map``.

    Raises:
        ValueError: the map contains no run times, or has another format.

    """
    try:
        seconds = tuple(float(Decimal(one) / 1000) for one in written["milliseconds"])
        known, version = RunTimes(seconds, int(written["tasks"])), int(written["format"])
    except (ArithmeticError, KeyError, TypeError) as error:
        raise ValueError("no run times") from error
    if version != FORMAT or not 0 < len(seconds) <= KEPT_TASKS or min(seconds) < 0:
        raise ValueError("run times of another format")
    return known


def expected_seconds(resolution: str, duration: float) -> float:
    """Estimate how long a task runs, in seconds, from the published samples (fact sheet §2).

    5 s of 720P took 80 s, and 15 s of 1080P about 840 s. A start-up time of 30 s and a rate per second of video fit
    both samples, and give 300 s for 5 s of 1080P, which is within DashScope's own range of 1 to 5 minutes.
    """
    per_second = 54.0 if resolution == "1080P" else 10.0
    return 30.0 + per_second * duration


def published(resolution: str, duration: float) -> RunTimes:
    """Return the run times that are assumed before the first task."""
    expected = expected_seconds(resolution, duration)
    return RunTimes(tuple(round(share * expected, 3) for share in PUBLISHED_SHARES))

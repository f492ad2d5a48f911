"""Data points of metrics, in minutes, and metrics that are embedded in log lines."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MINUTE_SECONDS = 60
# CloudWatch keeps minutes for 15 days; no alarm here looks back further than this.
KEPT_MINUTES = 24 * 60
_EMBEDDED = '"_aws"'


class Metric(NamedTuple):
    """What identifies a metric."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str]) -> Self:
        """Name a metric by its dimensions as a mapping."""
        return cls(namespace, name, frozenset(dimensions.items()))


@dataclass(slots=True)
class Statistics:
    """All values of a minute or of several."""

    count: int = 0
    total: float = 0.0
    least: float = float("inf")
    greatest: float = float("-inf")

    def add(self, other: Statistics) -> None:
        """Take the values of others."""
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.greatest = max(self.greatest, other.greatest)

    def value(self, statistic: str) -> float:
        """Return a statistic by its name on AWS; raise ``ValueError`` for percentiles, which need every value."""
        match statistic:
            case "Sum":
                return self.total
            case "Minimum":
                return self.least
            case "Maximum":
                return self.greatest
            case "SampleCount":
                return float(self.count)
            case "Average":
                return self.total / self.count
        raise ValueError(f"The testbed does not compute the statistic {statistic}. Add it to cloudwatch/metrics.py.")


@dataclass(slots=True)
class Metrics:
    """All data points of an account."""

    _minutes: dict[Metric, dict[int, Statistics]] = field(init=False, default_factory=lambda: defaultdict(dict))
    _lock: Lock = field(init=False, default_factory=Lock)

    def put(self, metric: Metric, value: float, at: float) -> None:
        """Record a value at a simulated time."""
        minute = int(at // MINUTE_SECONDS)
        with self._lock:
            minutes = self._minutes[metric]
            minutes.setdefault(minute, Statistics()).add(Statistics(1, value, value, value))
            if len(minutes) > KEPT_MINUTES:
                del minutes[min(minutes)]

    def put_embedded(self, log: str, at: float) -> None:
        """Record what the lines of a log embed, each value once for each set of dimensions."""
        for line in log.splitlines():
            if _EMBEDDED in line:
                self.put_line(_content(line), at)

    def put_line(self, content: Mapping[str, Any], at: float) -> None:
        """Record what a log line of JSON embeds."""
        for metric, value in embedded(content):
            self.put(metric, value, at)

    def value(self, metric: Metric, statistic: str, until: float, seconds: float) -> float | None:
        """Return a statistic over the whole minutes before a time; None if they have no data point."""
        last = int(until // MINUTE_SECONDS)
        found = Statistics()
        with self._lock:
            minutes = self._minutes.get(metric, {})
            for minute in range(last - int(seconds // MINUTE_SECONDS), last):
                if minute in minutes:
                    found.add(minutes[minute])
        return found.value(statistic) if found.count else None

    def known(self) -> set[Metric]:
        """Return every metric that has data points."""
        with self._lock:
            return set(self._minutes)


def embedded(content: Mapping[str, Any]) -> Iterator[tuple[Metric, float]]:
    """Read a log line in CloudWatch's embedded metric format; any other line yields nothing."""
    for directive in content.get("_aws", {}).get("CloudWatchMetrics", []):
        for dimensions in directive["Dimensions"]:
            named = {name: str(content[name]) for name in dimensions}
            for definition in directive["Metrics"]:
                metric = Metric.of(directive["Namespace"], definition["Name"], named)
                yield from ((metric, value) for value in _values(content[definition["Name"]]))


def _content(line: str) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _values(value: Any) -> Iterator[float]:  # noqa: ANN401 - a number or a list of them
    yield from map(float, value if isinstance(value, list) else [value])

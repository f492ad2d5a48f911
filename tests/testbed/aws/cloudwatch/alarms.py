"""Alarms as CloudWatch evaluates them, over the metrics of the testbed.

- Every minute, over windows that end with it: with ``Period: 300``, each data point covers the last five minutes.
  https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
- Two more windows than ``EvaluationPeriods`` are read. Missing data points are replaced only if those that exist are
  too few. AWS does not say how many more it reads; its example has two.
  https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .metric_math import evaluate
from .metrics import MINUTE_SECONDS, Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .metric_math import Value

SPARE_PERIODS = 2
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_IS_MISSING_BREACHING = {"breaching": True, "notBreaching": False}


class State(StrEnum):
    """The states of an alarm."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class Query:
    """A metric of an alarm, or an expression of others."""

    id: str
    metric: Metric | None = None
    statistic: str = ""
    expression: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm of a template, with everything resolved."""

    name: str
    description: str
    queries: Sequence[Query]
    """The last one is compared with the threshold."""
    period: int
    periods: int
    datapoints: int
    comparison: str
    threshold: float
    is_missing_breaching: bool
    actions: Mapping[State, Sequence[str]] = field(default_factory=dict)

    @property
    def metrics(self) -> list[Metric]:
        """The metrics that it watches."""
        return [query.metric for query in self.queries if query.metric]

    def state(self, metrics: Metrics, now: float) -> State:
        """Evaluate it at a time."""
        windows = range(self.periods + SPARE_PERIODS)
        values = [self._value(metrics, now - window * self.period) for window in windows]
        existing = [value for value in values if value is not None]
        recent = values[: self.periods] if None not in values[: self.periods] else existing[: self.periods]
        breaching = [self._breaches(value) for value in recent if value is not None]
        breaching += [self.is_missing_breaching] * (self.periods - len(breaching))
        return State.ALARM if breaching.count(True) >= self.datapoints else State.OK

    def _value(self, metrics: Metrics, until: float) -> Value:
        """Return the data point of the window that ends at a time."""
        points: dict[str, Value] = {}
        for query in self.queries:
            if query.metric:
                points[query.id] = metrics.value(query.metric, query.statistic, until, self.period)
            else:
                points[query.id] = evaluate(query.expression, points)
        return points[self.queries[-1].id]

    def _breaches(self, value: float) -> bool:
        return _COMPARISONS[self.comparison](value, self.threshold)


def read(name: str, properties: Mapping[str, Any]) -> Alarm:
    """Read an alarm from its resolved properties; raise ``KeyError`` for what the testbed does not evaluate."""
    queries = _queries(properties["Metrics"]) if "Metrics" in properties else [_of_one(properties)]
    periods = {int(one["MetricStat"]["Period"]) for one in properties.get("Metrics", []) if "MetricStat" in one}
    (period,) = periods or {int(properties["Period"])}
    count = int(properties["EvaluationPeriods"])
    return Alarm(
        name=name,
        description=properties.get("AlarmDescription", ""),
        queries=queries,
        period=period,
        periods=count,
        datapoints=int(properties.get("DatapointsToAlarm", count)),
        comparison=properties["ComparisonOperator"],
        threshold=float(properties["Threshold"]),
        is_missing_breaching=_IS_MISSING_BREACHING[properties["TreatMissingData"]],
        actions={State.ALARM: properties.get("AlarmActions", []), State.OK: properties.get("OKActions", [])},
    )


def _of_one(properties: Mapping[str, Any]) -> Query:
    return Query("only", _metric(properties), properties["Statistic"])


def _queries(properties: Sequence[Mapping[str, Any]]) -> list[Query]:
    """Return the queries in the order of their evaluation; refuse, as AWS does, several results or none."""
    returned = [one["Id"] for one in properties if one.get("ReturnData", True)]
    if len(returned) != 1:
        message = (
            f"An alarm has exactly one query that returns data, not {returned}: set ReturnData to false in others."
        )
        raise ValueError(message)
    return sorted(map(_query, properties), key=lambda query: (query.id in returned, bool(query.expression)))


def _query(one: Mapping[str, Any]) -> Query:
    if "Expression" in one:
        return Query(one["Id"], expression=one["Expression"])
    return Query(one["Id"], _metric(one["MetricStat"]["Metric"]), one["MetricStat"]["Stat"])


def _metric(properties: Mapping[str, Any]) -> Metric:
    dimensions = {one["Name"]: one["Value"] for one in properties.get("Dimensions", [])}
    return Metric.of(properties["Namespace"], properties["MetricName"], dimensions)


@dataclass(slots=True)
class Watch:
    """Evaluates alarms, and reports each change of a state."""

    alarms: Iterable[Alarm]
    metrics: Metrics
    changed: Callable[[Alarm, State, float], None]
    """Called with the alarm, its new state and the time."""
    states: dict[str, State] = field(init=False, default_factory=dict)
    """By name; an alarm that was not evaluated yet has none."""

    def look(self, now: float) -> None:
        """Evaluate all alarms over the whole minutes before a time."""
        end = now // MINUTE_SECONDS * MINUTE_SECONDS
        for alarm in self.alarms:
            state = alarm.state(self.metrics, end)
            if state is not self.states.get(alarm.name):
                self.states[alarm.name] = state
                self.changed(alarm, state, now)

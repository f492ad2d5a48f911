"""The testbed's alarms change their state when those of CloudWatch do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.testbed.aws.cloudwatch import alarms
from tests.testbed.aws.cloudwatch.alarms import Alarm, State, Watch
from tests.testbed.aws.cloudwatch.metric_math import UnknownMathError, evaluate
from tests.testbed.aws.cloudwatch.metrics import Metric, Metrics

MINUTE = 60.0
ERRORS = Metric.of("AWS/Lambda", "Errors", {"FunctionName": "finish"})


def an_alarm(**changed: Any) -> Alarm:  # noqa: ANN401 - any property
    """Return an alarm that is raised by one error within a minute."""
    properties = {
        "Namespace": "AWS/Lambda",
        "MetricName": "Errors",
        "Dimensions": [{"Name": "FunctionName", "Value": "finish"}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    return alarms.read("an-alarm", {**properties, **changed})


def emitted(*values: float | None) -> Metrics:
    """Return metrics with a value in each minute, the oldest first; None is a minute without a data point."""
    metrics = Metrics()
    for minute, value in enumerate(values):
        if value is not None:
            metrics.put(ERRORS, value, minute * MINUTE + 1)
    return metrics


def state(alarm: Alarm, *values: float | None) -> State:
    """Evaluate an alarm after minutes with these values."""
    return alarm.state(emitted(*values), len(values) * MINUTE)


@pytest.mark.parametrize(
    ("comparison", "value", "expected"),
    [
        ("GreaterThanThreshold", 3, State.OK),
        ("GreaterThanThreshold", 4, State.ALARM),
        ("GreaterThanOrEqualToThreshold", 3, State.ALARM),
        ("LessThanThreshold", 3, State.OK),
        ("LessThanThreshold", 2, State.ALARM),
        ("LessThanOrEqualToThreshold", 3, State.ALARM),
    ],
)
def test_a_value_is_compared_with_the_threshold(comparison: str, value: float, expected: State) -> None:
    """In each of the four ways."""
    assert expected is state(an_alarm(ComparisonOperator=comparison, Threshold=3), value)


@pytest.mark.parametrize(
    ("statistic", "threshold", "expected"),
    [("Sum", 5.9, State.ALARM), ("Maximum", 3.9, State.ALARM), ("Minimum", 2.1, State.OK), ("Average", 3, State.OK)],
)
def test_a_period_of_minutes_has_one_data_point(statistic: str, threshold: float, expected: State) -> None:
    """It is the statistic over all values of the minutes."""
    alarm = an_alarm(Statistic=statistic, Period=300, Threshold=threshold)
    assert expected is state(alarm, None, 2, None, 4, None)


def test_a_period_ends_with_the_present_minute() -> None:
    """The windows move by a minute: an error stays in a period of five for five minutes, until newer data points."""
    alarm = an_alarm(Period=120)
    assert [State.ALARM, State.ALARM, State.OK] == [state(alarm, *[1, *[0] * after]) for after in range(3)]


def test_some_of_several_data_points_are_enough() -> None:
    """``DatapointsToAlarm`` of the last ``EvaluationPeriods`` must breach, in any order."""
    alarm = an_alarm(EvaluationPeriods=3, DatapointsToAlarm=2)
    assert State.OK is state(alarm, 1, 0, 0)
    assert State.ALARM is state(alarm, 1, 0, 1)
    assert State.OK is state(an_alarm(EvaluationPeriods=3), 1, 0, 1)


@pytest.mark.parametrize(("treatment", "expected"), [("breaching", State.ALARM), ("notBreaching", State.OK)])
def test_missing_data_is_treated_as_the_alarm_says(treatment: str, expected: State) -> None:
    """No data point at all is what a metric without events has."""
    assert expected is state(an_alarm(TreatMissingData=treatment), None, None, None)


def test_older_data_points_replace_missing_ones() -> None:
    """CloudWatch reads more periods than it evaluates: an alarm stays a little longer than its data."""
    assert State.ALARM is state(an_alarm(), 1, None, None)
    assert State.OK is state(an_alarm(), 1, None, None, None)


def test_an_untold_treatment_is_refused() -> None:
    """The testbed evaluates what the template uses, and guesses nothing."""
    with pytest.raises(KeyError):
        an_alarm(TreatMissingData="ignore")
    with pytest.raises(ValueError, match="p99"):
        state(an_alarm(Statistic="p99"), 1)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + b", 3),
        ("a - b > 0", 0),
        ("a + 3 * b", 7),
        ("IF(a < b, 10, 20)", 10),
        ("a + none", None),
        ("FILL(none, 0) + a", 1),
        ("IF(a > 0 AND b > 5, 1, 0)", 0),
        ("IF(a > 5 OR b > 1, 1, 0)", 1),
        ("IF(none > 0, 1, 0)", None),
    ],
)
def test_metric_math_combines_data_points(expression: str, expected: float | None) -> None:
    """A missing part makes the result missing, except where it is filled."""
    assert expected == evaluate(expression, {"a": 1, "b": 2, "none": None})


@pytest.mark.parametrize("expression", ["RATE(a)", "a / b", "missing", "SEARCH('x')"])
def test_other_metric_math_is_refused(expression: str) -> None:
    """A wrong result would prove nothing."""
    with pytest.raises(UnknownMathError):
        evaluate(expression, {"a": 1, "b": 2})


def test_an_alarm_compares_the_result_of_an_expression() -> None:
    """The metrics of the expression may have no data points."""
    query = {"Period": 60, "Stat": "Sum", "Metric": {"Namespace": "AWS/Lambda", "MetricName": "Errors"}}
    named = {**query["Metric"], "Dimensions": [{"Name": "FunctionName", "Value": "finish"}]}  # type: ignore[dict-item]
    metrics = [
        {"Id": "both", "Expression": "FILL(errors, 0) + FILL(never, 0)"},
        {"Id": "errors", "ReturnData": False, "MetricStat": {**query, "Metric": named}},
        {"Id": "never", "ReturnData": False, "MetricStat": query},
    ]
    alarm = an_alarm(Metrics=metrics)
    assert [State.OK, State.ALARM, State.OK] == [state(alarm, 0), state(alarm, 0, 1), state(alarm, 1, None)]


@pytest.mark.parametrize("returning", [(), ("both", "errors")])
def test_an_alarm_without_a_single_result_is_refused(returning: tuple[str, ...]) -> None:
    """AWS refuses it as well, and only at the deployment."""
    query = {"Period": 60, "Stat": "Sum", "Metric": {"Namespace": "AWS/Lambda", "MetricName": "Errors"}}
    metrics: list[dict[str, Any]] = [
        {"Id": "both", "Expression": "FILL(errors, 0)"},
        {"Id": "errors", "MetricStat": query},
    ]
    told = [{**one, **({} if one["Id"] in returning else {"ReturnData": False})} for one in metrics]
    with pytest.raises(ValueError, match="exactly one query"):
        an_alarm(Metrics=told)


def test_each_change_of_a_state_is_reported_once() -> None:
    """The first state, too: from it on, the alarm is known."""
    seen: list[str] = []
    metrics = emitted(0, 0, 1, 1, 0)
    watch = Watch([an_alarm()], metrics, lambda alarm, state, _: seen.append(f"{alarm.name} {state}"))
    for minute in range(1, 6):
        watch.look(minute * MINUTE + 30)
    assert ["an-alarm OK", "an-alarm ALARM", "an-alarm OK"] == seen


def test_a_log_line_embeds_values_for_each_set_of_dimensions() -> None:
    """Lists hold several values; other lines are only text."""
    directive = {"Namespace": "Gallop", "Dimensions": [["Stack"], ["Stack", "Code"]], "Metrics": [{"Name": "Failed"}]}
    line = {"_aws": {"CloudWatchMetrics": [directive]}, "Stack": "gallop", "Code": "timed_out", "Failed": [1.0, 2.0]}
    metrics = Metrics()
    metrics.put_embedded(f'START\n{json.dumps(line)}\n{{"_aws": {{}}}}\n["_aws"]\n{{"_aws"', at=1)
    by_code = Metric.of("Gallop", "Failed", {"Stack": "gallop", "Code": "timed_out"})
    assert {Metric.of("Gallop", "Failed", {"Stack": "gallop"}), by_code} == metrics.known()
    assert 3 == metrics.value(by_code, "Sum", until=MINUTE, seconds=MINUTE)

"""Every alarm and every widget of the dashboard watches a metric that exists."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain.failure_codes import FailureCode
from gallop.domain.metrics import CODE, METRICS, NAMESPACE, STACK, Metric

from tests.testbed.aws.cloudwatch import alarms
from tests.testbed.aws.cloudwatch.emitted import SERVICES
from tests.testbed.aws.cloudwatch.metrics import Metric as Watched

from . import stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ALARMS = stack.of_type("AWS::CloudWatch::Alarm")
TEMPLATE = (stack.ROOT / "template.yaml").read_text(encoding="utf-8")
# What the dimensions of AWS's metrics name.
TYPES = {
    "FunctionName": "AWS::Lambda::Function",
    "StateMachineArn": "AWS::StepFunctions::StateMachine",
    "QueueName": "AWS::SQS::Queue",
    "ApiId": "AWS::ApiGatewayV2::Api",
}


def alarm(name: str) -> alarms.Alarm:
    """Return an alarm as the testbed evaluates it."""
    return alarms.read(name, stack.resolve(ALARMS[name]["Properties"]))


def faults(metric: Watched) -> Iterator[str]:
    """Say what is wrong with a metric that nobody emits."""
    dimensions = dict(metric.dimensions)
    if metric.namespace == NAMESPACE:
        yield from _faults_of_own(metric, dimensions)
    elif metric.namespace not in SERVICES or metric.name not in SERVICES[metric.namespace].metrics:
        yield f"{metric.namespace} has no {metric.name}"
    elif [*dimensions] != [SERVICES[metric.namespace].dimension]:
        yield f"{metric.name} has no dimensions {[*dimensions]}"
    else:
        yield from _faults_of_value(*dimensions.popitem())


def _faults_of_own(metric: Watched, dimensions: dict[str, str]) -> Iterator[str]:
    if metric.name not in METRICS:
        yield f"no function emits {metric.name}"
    if dimensions.pop(STACK, None) != "gallop":
        yield f"{metric.name} is always emitted for a stack"
    if metric.name == Metric.JOBS_FAILED and dimensions.get(CODE) in [*FailureCode]:
        del dimensions[CODE]
    if dimensions:
        yield f"{metric.name} has no dimensions {dimensions}"


def _faults_of_value(dimension: str, value: str) -> Iterator[str]:
    known = {_identity(dimension, name) for name in stack.of_type(TYPES[dimension])}
    label = stack.definition("BatchWorkflow")["States"]["EachLine"]["Label"]
    if value not in known and value.removesuffix(f"/{label}") != stack.resolve({"Ref": "BatchWorkflow"}):
        yield f"no {TYPES[dimension]} is {value}"


def _identity(dimension: str, name: str) -> str:
    """Return a resource as a dimension names it: a queue by an attribute, all others by their reference."""
    return str(stack.resolve({"Fn::GetAtt": [name, "QueueName"]} if dimension == "QueueName" else {"Ref": name}))


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_watches_what_is_emitted(name: str) -> None:
    """Namespace, metric and dimensions are those of AWS's pages, or of our own code."""
    assert [] == [fault for metric in alarm(name).metrics for fault in faults(metric)]


@pytest.mark.parametrize(
    ("namespace", "name", "dimensions"),
    [
        ("Gallop", "JobsLost", {"Stack": "gallop"}),
        ("Gallop", "JobsFailed", {"Stack": "gallop", "Code": "no_such_code"}),
        ("Gallop", "JobsWaiting", {"Stack": "gallop", "Code": "timed_out"}),
        ("Gallop", "Sweeps", {}),
        ("AWS/Lambda", "Error", {"FunctionName": "x"}),
        ("AWS/Lambda", "Errors", {"Function": "x"}),
        ("AWS/States", "ExecutionsFailed", {"StateMachineArn": "x"}),
    ],
)
def test_a_wrong_metric_is_noticed(namespace: str, name: str, dimensions: dict[str, str]) -> None:
    """CloudWatch accepts any name; an alarm on a wrong one stays silent forever."""
    assert [*faults(Watched.of(namespace, name, dimensions))]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_notifies_whom_the_operator_chose(name: str) -> None:
    """When it goes off and when it is over, through the one topic that there is."""
    chosen = ["EmailsAlarms", {"Ref": "AlarmTopic"}, {"Fn::If": ["TakesAlarmTopic", {"Ref": "AlarmTopicArn"}, None]}]
    chosen[2]["Fn::If"][2] = {"Ref": "AWS::NoValue"}  # type: ignore[index]
    properties = ALARMS[name]["Properties"]
    assert [{"Fn::If": chosen}] == properties["AlarmActions"]
    assert [{"Fn::If": chosen}] == properties["OKActions"]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_treats_missing_data_on_purpose(name: str) -> None:
    """The reason is beside it; and its description names the first thing to do."""
    text = TEMPLATE.partition(f"  {name}:\n")[2].partition("\n\n")[0]
    assert re.search(r"# No data is .+\.\n +TreatMissingData: ", text)
    assert " First, " in ALARMS[name]["Properties"]["AlarmDescription"]


def test_failed_lines_of_batches_raise_an_alarm() -> None:
    """CloudWatch counts the executions of a distributed map under its label."""
    label = stack.definition("BatchWorkflow")["States"]["EachLine"]["Label"]
    machine = stack.resolve({"Fn::Sub": f"${{BatchWorkflow}}/{label}"})
    assert {machine} == {value for metric in alarm("LinesNotFinished").metrics for _, value in metric.dimensions}


def test_only_alarms_may_publish_to_the_topic() -> None:
    """CloudWatch, for alarms of this account."""
    (policy,) = stack.of_type("AWS::SNS::TopicPolicy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert {"Service": "cloudwatch.amazonaws.com"} == statement["Principal"]
    assert "sns:Publish" == statement["Action"]
    assert {"ArnLike", "StringEquals"} == statement["Condition"].keys()


def widgets() -> list[dict[str, Any]]:
    """Return the widgets of the dashboard."""
    (dashboard,) = stack.of_type("AWS::CloudWatch::Dashboard").values()
    found: list[dict[str, Any]] = json.loads(stack.resolve(dashboard["Properties"]["DashboardBody"]))["widgets"]
    return found


def _shown(widget: Mapping[str, Any]) -> Iterator[Watched]:
    for line in widget["properties"]["metrics"]:
        namespace, name, *dimensions = [part for part in line if isinstance(part, str)]
        yield Watched.of(namespace, name, dict(zip(dimensions[::2], dimensions[1::2], strict=True)))


@pytest.mark.parametrize("widget", widgets(), ids=lambda widget: widget["properties"]["title"])
def test_a_widget_shows_what_is_emitted(widget: dict[str, Any]) -> None:
    """As for alarms."""
    assert [] == [fault for metric in _shown(widget) for fault in faults(metric)]
    assert stack.REGION == widget["properties"]["region"]


def test_the_dashboard_is_one_screen() -> None:
    """No widget covers another, and together they fill 24 columns and at most 15 rows."""
    cells = [
        (column, row)
        for one in widgets()
        for column in range(one["x"], one["x"] + one["width"])
        for row in range(one["y"], one["y"] + one["height"])
    ]
    assert sorted(set(cells)) == sorted(cells)
    assert 24 > max(column for column, _ in cells)
    assert 15 > max(row for _, row in cells)

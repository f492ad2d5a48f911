"""Services and functions emit metrics as on AWS, and the alarms of the template watch them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.waiting import eventually
from tests.testbed.aws.cloudwatch.metrics import Metric
from tests.testbed.aws.functions import Throttled

if TYPE_CHECKING:
    from tests.functional.testbed.conftest import SmallStack

DAY_SECONDS = 86_400


def total(stack: SmallStack, namespace: str, name: str, dimension: str, value: str) -> float:
    """Return the sum of all values of a metric, also those of the present minute."""
    metric = Metric.of(namespace, name, {dimension: value})
    found = stack.aws.cloudwatch.metrics.value(metric, "Sum", stack.aws.clock.now() + 60, DAY_SECONDS)
    return found or 0.0


def of_function(stack: SmallStack, name: str, function: str) -> float:
    """Return the sum of a function's metric."""
    return total(stack, "AWS/Lambda", name, "FunctionName", stack.aws.deployment.functions[function].name)


def test_invocations_errors_and_throttles_are_counted(stack: SmallStack) -> None:
    """A refused invocation is a throttle, and no invocation."""
    stack.invoke("Single", {})
    before = of_function(stack, "Invocations", "Single")
    errors = of_function(stack, "Errors", "Single")
    stack.invoke("Single", {"do": "raise"})
    with stack.aws.runtime._pools[stack.aws.deployment.functions["Single"].name].lease(), pytest.raises(Throttled):  # noqa: SLF001
        stack.invoke("Single", {})
    assert before + 1 == of_function(stack, "Invocations", "Single")
    assert errors + 1 == of_function(stack, "Errors", "Single")
    assert 1 <= of_function(stack, "Throttles", "Single")


@pytest.mark.parametrize(
    ("event", "metric"),
    [({"do": "look"}, "ExecutionsSucceeded"), ({"do": "raise", "message": "no"}, "ExecutionsFailed")],
)
def test_ends_of_executions_are_counted(stack: SmallStack, event: dict[str, Any], metric: str) -> None:
    """Under the machine's ARN, by how they end."""
    machine = stack.outputs["MachineArn"]
    before = total(stack, "AWS/States", metric, "StateMachineArn", machine)
    stack.aws.client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(event))
    eventually(lambda: before < total(stack, "AWS/States", metric, "StateMachineArn", machine))


def test_a_stopped_execution_is_counted_as_aborted(stack: SmallStack) -> None:
    """Once."""
    machine, client = stack.outputs["MachineArn"], stack.aws.client("stepfunctions")
    event = json.dumps({"do": "wait", "seconds": 100_000})
    arn = client.start_execution(stateMachineArn=machine, input=event)["executionArn"]
    client.stop_execution(executionArn=arn)
    eventually(lambda: 1 == total(stack, "AWS/States", "ExecutionsAborted", "StateMachineArn", machine))


def test_responses_of_the_api_are_counted(stack: SmallStack) -> None:
    """By the family of their status."""
    (api,) = stack.aws.deployment.of_type("AWS::ApiGatewayV2::Api")
    httpx.get(stack.outputs["ApiUrl"] + "/nothing/here")
    assert 1 <= total(stack, "AWS/ApiGateway", "4xx", "ApiId", api.physical_id)
    assert 0 == total(stack, "AWS/ApiGateway", "5xx", "ApiId", api.physical_id)


def test_a_queue_has_an_age_and_a_size(stack: SmallStack) -> None:
    """They are taken every minute."""
    url = stack.outputs["DeadLettersUrl"]
    stack.aws.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    name = url.rsplit("/", 1)[1]
    eventually(lambda: 120 < total(stack, "AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", name))
    assert 1 < total(stack, "AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name)
    stack.aws.client("sqs").purge_queue(QueueUrl=url)


def test_an_alarm_is_raised_and_published(stack: SmallStack) -> None:
    """Its topic is notified when it is raised and when it is over, if the topic lets CloudWatch write."""
    (known,) = stack.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    stack.invoke("Brief", {"do": "raise"})
    raised = _received(stack, "RaisedUrl")
    assert "ALARM" == raised["NewStateValue"]
    assert (known["AlarmName"], "Brief fails.") == (raised["AlarmName"], raised["AlarmDescription"])
    assert "OK" == _received(stack, "RaisedUrl")["NewStateValue"]
    (known,) = stack.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert "OK" == known["StateValue"]
    assert not stack.aws.client("sqs").receive_message(QueueUrl=stack.outputs["UnraisedUrl"]).get("Messages")


def _received(stack: SmallStack, queue: str) -> dict[str, Any]:
    """Take a message of a topic from the queue that subscribes it."""
    sqs, url = stack.aws.client("sqs"), stack.outputs[queue]
    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    content: dict[str, Any] = json.loads(json.loads(message["Body"])["Message"])
    return content

"""Stacks that come up on AWS and do not work there come up here, too, and fail in the same way."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from moto.awslambda.models import LambdaFunction
from moto.core.config import default_user_config
from moto.sqs.models import Queue

from fake_dashscope.clock import ScaledClock
from tests.functional.testbed.conftest import SPEED, STACK, SmallStack, source
from tests.support.waiting import PATIENCE_S, eventually
from tests.testbed.aws.account import REGION
from tests.testbed.aws.embedded import EmbeddedAws
from tests.testbed.aws.template import translate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def running(change: Callable[[dict[str, Any]], object]) -> Iterator[SmallStack]:
    """Run the small stack with a change in its resources."""
    template = source()
    change(template["Resources"])
    aws = EmbeddedAws(ScaledClock(SPEED))
    aws.start()
    try:
        aws.deploy(translate(template, STACK, REGION), {}, "variant")
        yield SmallStack(aws)
    finally:
        aws.stop()


def own_role(resources: dict[str, Any], function: str) -> None:
    """Give a function a role without permissions."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    resources["OwnRole"] = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document}}
    resources[function]["Properties"]["Role"] = {"Fn::GetAtt": ["OwnRole", "Arn"]}


def test_an_authorizer_that_the_api_may_not_invoke_lets_nobody_in() -> None:
    """Without the Permission, API Gateway answers 500; other routes work."""

    def change(resources: dict[str, Any]) -> None:
        authorizer = resources["Api"]["Properties"]["Auth"]["Authorizers"]["Always"]
        authorizer["EnableFunctionDefaultPermissions"] = False
        resources["Api"]["Properties"]["Auth"]["Authorizers"].pop("ByToken")
        resources["Page"]["Properties"]["Events"].pop("Token")

    with running(change) as stack:
        assert 500 == httpx.get(f"{stack.outputs['ApiUrl']}/items/1").status_code
        assert 200 == httpx.get(f"{stack.outputs['ApiUrl']}/open").status_code
        refused = {(entry.principal, entry.action) for entry in stack.aws.audit.refusals()}
    assert {("apigateway.amazonaws.com", "lambda:InvokeFunction")} == refused


def test_a_function_that_may_not_log_is_silent() -> None:
    """It works, and CloudWatch has no log of it."""
    with running(lambda resources: own_role(resources, "Bare")) as stack:
        assert {} == stack.ask({}, "Bare")["event"]
        group = stack.aws.deployment.function("Bare").log_group
        groups = stack.aws.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        events = [stack.aws.client("logs").filter_log_events(logGroupName=g["logGroupName"])["events"] for g in groups]
        assert not any(events)
        assert "START RequestId" in stack.aws.runtime.logs("Bare")


def test_a_machine_that_may_not_run_its_function_fails() -> None:
    """The error is the access error that Step Functions reports."""

    def change(resources: dict[str, Any]) -> None:
        statement = resources["Machine"]["Properties"]["Policies"][0]["Statement"][0]
        statement["Resource"] = {"Fn::GetAtt": ["Gate", "Arn"]}

    with running(change) as stack:
        _, end = execution(stack)
        found = end()
    assert ("FAILED", "Lambda.AccessDeniedException") == (found["status"], found["error"])


def machine(definition: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Return the change that replaces the machine's definition."""

    def change(resources: dict[str, Any]) -> None:
        resources["Machine"]["Properties"].pop("DefinitionUri")
        resources["Machine"]["Properties"]["Definition"] = definition

    return change


def execution(stack: SmallStack) -> tuple[str, Callable[[], dict[str, Any]]]:
    """Start an execution; return its ARN, and a function that waits for its end."""
    states = stack.aws.client("stepfunctions")
    arn: str = states.start_execution(stateMachineArn=stack.outputs["MachineArn"], input="{}")["executionArn"]

    def ended() -> dict[str, Any] | None:
        described: dict[str, Any] = states.describe_execution(executionArn=arn)
        return described if described["status"] != "RUNNING" else None

    return arn, lambda: eventually(ended)


def test_the_timeout_of_a_machine_is_simulated_time() -> None:
    """A minute passes in 0.6 s; the wait of a day that it interrupts would take a quarter of an hour."""
    wait = {"Type": "Wait", "Seconds": 86_400, "End": True}
    with running(machine({"StartAt": "Wait", "TimeoutSeconds": 60, "States": {"Wait": wait}})) as stack:
        _, end = execution(stack)
        assert "TIMED_OUT" == end()["status"]


CALLBACK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters": {"FunctionName": "${ProbeArn}", "Payload": {"token.$": "$$.Task.Token"}},
    "TimeoutSeconds": 100,
    "End": True,
}


def test_a_task_that_waits_for_a_token_times_out_in_simulated_time() -> None:
    """A hundred seconds without an answer pass in one."""
    with running(machine({"StartAt": "Ask", "States": {"Ask": CALLBACK}})) as stack:
        _, end = execution(stack)
        found = end()
    assert ("FAILED", "States.Timeout") == (found["status"], found["error"])


def test_a_task_that_waits_for_a_token_resumes_with_the_answer() -> None:
    """The answer has the task's token; a grant that names the state machine is none, as in AWS's reference."""
    definition = {"StartAt": "Ask", "States": {"Ask": {**CALLBACK, "TimeoutSeconds": 86_400}}}
    with running(machine(definition)) as stack:
        arn, end = execution(stack)
        states = stack.aws.client("stepfunctions")
        token = eventually(lambda: token_of(states, arn))
        parameters = {"taskToken": token, "output": "{}"}
        own = {"do": "aws", "service": "stepfunctions", "call": "send_task_success", "with": parameters}
        assert "AccessDeniedException" == stack.ask(own)["code"]
        states.send_task_success(taskToken=token, output='{"answer": 42}')
        assert {"answer": 42} == json.loads(end()["output"])
        checked = {e.resource for e in stack.aws.audit.entries() if e.action == "states:SendTaskSuccess"}
    assert {"*"} == checked


@pytest.mark.parametrize(("seconds", "answers"), [(1, 0), (100, 0), (86_400, 1)])
def test_a_token_is_good_once(seconds: int, answers: int) -> None:
    """Once answered or timed out, even before the function returned, a token takes no further answer, as on AWS."""
    caught = {"ErrorEquals": ["States.Timeout"], "ResultPath": None, "Next": "Stay"}
    ask = {**CALLBACK, "TimeoutSecondsPath": "$.seconds", "ResultPath": None, "Catch": [caught], "Next": "Stay"}
    del ask["End"], ask["TimeoutSeconds"]
    # Longer than any test has patience for, and cut short at its end.
    stay = {"Type": "Wait", "Seconds": int(10 * PATIENCE_S * SPEED), "End": True}
    with running(machine({"StartAt": "Ask", "States": {"Ask": ask, "Stay": stay}})) as stack:
        states = stack.aws.client("stepfunctions")
        given = json.dumps({"seconds": seconds})
        arn = states.start_execution(stateMachineArn=stack.outputs["MachineArn"], input=given)["executionArn"]
        token = eventually(partial(token_of, states, arn))
        for _ in range(answers):
            states.send_task_success(taskToken=token, output="{}")
        eventually(partial(has_entered, states, arn, "Stay"))
        eventually(partial(is_spent, states, token))
        assert "RUNNING" == states.describe_execution(executionArn=arn)["status"]
        states.stop_execution(executionArn=arn)


def has_entered(states: Any, arn: str, state: str) -> bool:  # noqa: ANN401 - a client
    """Return whether an execution has entered a state."""
    events = states.get_execution_history(executionArn=arn)["events"]
    return state in [e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e]


def is_spent(states: Any, token: str) -> bool:  # noqa: ANN401 - a client
    """Return whether an answer to a token is refused."""
    try:
        states.send_task_success(taskToken=token, output="{}")
    except states.exceptions.TaskTimedOut:
        return True
    return False


def token_of(states: Any, arn: str) -> str | None:  # noqa: ANN401 - a client
    """Return the token that an execution's function received, as soon as it has."""
    events = states.get_execution_history(executionArn=arn)["events"]
    payloads = [e["taskScheduledEventDetails"]["parameters"] for e in events if e["type"] == "TaskScheduled"]
    return json.loads(payloads[0])["Payload"]["token"] if payloads else None


def test_a_stage_throttles_as_configured() -> None:
    """Requests beyond the burst are refused until the rate has refilled it."""

    def change(resources: dict[str, Any]) -> None:
        settings = {"ThrottlingBurstLimit": 2, "ThrottlingRateLimit": 0.001}
        resources["Api"]["Properties"]["DefaultRouteSettings"] = settings

    with running(change) as stack:
        answers = [httpx.get(f"{stack.outputs['ApiUrl']}/open") for _ in range(3)]
    assert [200, 200, 429] == [answer.status_code for answer in answers]
    assert {"message": "Too Many Requests"} == answers[2].json()
    assert "Retry-After" not in answers[2].headers


def test_a_route_may_have_a_limit_of_its_own() -> None:
    """Its requests are counted separately from those of all other routes."""

    def change(resources: dict[str, Any]) -> None:
        settings = {"ThrottlingBurstLimit": 1, "ThrottlingRateLimit": 0.001}
        resources["Api"]["Properties"]["RouteSettings"] = {"GET /items/special": settings}

    with running(change) as stack:
        url = stack.outputs["ApiUrl"]
        answers = [httpx.get(f"{url}{path}") for path in ("/items/special", "/items/special", "/open")]
    assert [200, 429, 200] == [answer.status_code for answer in answers]


def test_moto_is_restored_afterwards() -> None:
    """Every patch is reverted, so that other tests get the original moto."""
    before = (LambdaFunction.invoke, LambdaFunction._invoke_lambda, Queue.add_message)  # noqa: SLF001
    with running(lambda _: None):
        assert before[0] is not LambdaFunction.invoke
    assert before == (LambdaFunction.invoke, LambdaFunction._invoke_lambda, Queue.add_message)  # noqa: SLF001
    assert {"execute_state_machine": False} == default_user_config["stepfunctions"]


def test_only_one_can_run_at_a_time() -> None:
    """Two would silently share moto's one state."""
    with running(lambda _: None), pytest.raises(RuntimeError, match="Another embedded AWS runs"):
        EmbeddedAws(ScaledClock()).start()

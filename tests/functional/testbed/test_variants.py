"""Stacks that come up on AWS and do not do what they are for: they come up here, too, and fail in the same way."""

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
from tests.functional.testbed.conftest import SPEED, STACK, SmallStack, eventually, source
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
    """Give a function a role that may do nothing."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    resources["OwnRole"] = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document}}
    resources[function]["Properties"]["Role"] = {"Fn::GetAtt": ["OwnRole", "Arn"]}


def test_an_authorizer_that_the_api_may_not_run_lets_nobody_in() -> None:
    """Without its Permission, API Gateway answers 500; other routes work."""

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
    """It works, and CloudWatch has nothing of it."""
    with running(lambda resources: own_role(resources, "Bare")) as stack:
        assert {} == stack.ask({}, "Bare")["event"]
        group = stack.aws.deployment.function("Bare").log_group
        groups = stack.aws.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        events = [stack.aws.client("logs").filter_log_events(logGroupName=g["logGroupName"])["events"] for g in groups]
        assert not any(events)
        assert "START RequestId" in stack.aws.runtime.logs("Bare")


def test_a_machine_that_may_not_run_its_function_fails() -> None:
    """With the access error that Step Functions reports."""

    def change(resources: dict[str, Any]) -> None:
        statement = resources["Machine"]["Properties"]["Policies"][0]["Statement"][0]
        statement["Resource"] = {"Fn::GetAtt": ["Gate", "Arn"]}

    with running(change) as stack:
        _, end = execution(stack)
        found = end()
    assert ("FAILED", "Lambda.AccessDeniedException") == (found["status"], found["error"])


def machine(definition: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Give the change that makes the machine another one."""

    def change(resources: dict[str, Any]) -> None:
        resources["Machine"]["Properties"].pop("DefinitionUri")
        resources["Machine"]["Properties"]["Definition"] = definition

    return change


def execution(stack: SmallStack) -> tuple[str, Callable[[], dict[str, Any]]]:
    """Start an execution; give its ARN, and what waits for its end."""
    states = stack.aws.client("stepfunctions")
    arn: str = states.start_execution(stateMachineArn=stack.outputs["MachineArn"], input="{}")["executionArn"]

    def ended() -> dict[str, Any] | None:
        described: dict[str, Any] = states.describe_execution(executionArn=arn)
        return described if described["status"] != "RUNNING" else None

    return arn, lambda: eventually(ended)


def test_the_timeout_of_a_machine_is_simulated_time() -> None:
    """A minute is over in 0.6 s; the wait of a day that it cuts short would take a quarter of an hour."""
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


def test_a_task_that_waits_for_the_world_times_out_in_simulated_time() -> None:
    """A hundred seconds without an answer are one."""
    with running(machine({"StartAt": "Ask", "States": {"Ask": CALLBACK}})) as stack:
        _, end = execution(stack)
        found = end()
    assert ("FAILED", "States.Timeout") == (found["status"], found["error"])


def test_a_task_that_waits_for_the_world_goes_on_when_it_answers() -> None:
    """By its token: the permission to answer is asked for on no machine, so a grant on that machine is none."""
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
        asked = {e.resource for e in stack.aws.audit.entries() if e.action == "states:SendTaskSuccess"}
    assert {"*"} == asked


def test_a_token_is_good_once() -> None:
    """Answered, or waited for in vain: an execution that goes on takes no further answer to it, as on AWS."""
    caught = {"ErrorEquals": ["States.Timeout"], "ResultPath": None, "Next": "Stay"}
    ask = {**CALLBACK, "TimeoutSecondsPath": "$.seconds", "ResultPath": None, "Catch": [caught], "Next": "Stay"}
    del ask["End"], ask["TimeoutSeconds"]
    stay = {"Type": "Wait", "Seconds": 600, "End": True}
    with running(machine({"StartAt": "Ask", "States": {"Ask": ask, "Stay": stay}})) as stack:
        states = stack.aws.client("stepfunctions")
        for seconds, answers in ((100, 0), (86_400, 1)):
            given = json.dumps({"seconds": seconds})
            arn = states.start_execution(stateMachineArn=stack.outputs["MachineArn"], input=given)["executionArn"]
            token = eventually(partial(token_of, states, arn))
            for _ in range(answers):
                states.send_task_success(taskToken=token, output="{}")
            eventually(partial(has_entered, states, arn, "Stay"))
            eventually(partial(is_spent, states, token))
            assert "RUNNING" == states.describe_execution(executionArn=arn)["status"]


def has_entered(states: Any, arn: str, state: str) -> bool:  # noqa: ANN401 - a client
    """Tell whether an execution has come to a state."""
    events = states.get_execution_history(executionArn=arn)["events"]
    return state in [e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e]


def is_spent(states: Any, token: str) -> bool:  # noqa: ANN401 - a client
    """Tell whether an answer to a token is refused."""
    try:
        states.send_task_success(taskToken=token, output="{}")
    except states.exceptions.TaskTimedOut:
        return True
    return False


def token_of(states: Any, arn: str) -> str | None:  # noqa: ANN401 - a client
    """Give the token that an execution's function was given, as soon as it was."""
    events = states.get_execution_history(executionArn=arn)["events"]
    payloads = [e["taskScheduledEventDetails"]["parameters"] for e in events if e["type"] == "TaskScheduled"]
    return json.loads(payloads[0])["Payload"]["token"] if payloads else None


def test_a_stage_throttles_as_it_says() -> None:
    """Beyond its burst, until the rate has filled it again."""

    def change(resources: dict[str, Any]) -> None:
        settings = {"ThrottlingBurstLimit": 2, "ThrottlingRateLimit": 0.001}
        resources["Api"]["Properties"]["DefaultRouteSettings"] = settings

    with running(change) as stack:
        answers = [httpx.get(f"{stack.outputs['ApiUrl']}/open") for _ in range(3)]
    assert [200, 200, 429] == [answer.status_code for answer in answers]
    assert {"message": "Too Many Requests"} == answers[2].json()
    assert "Retry-After" not in answers[2].headers


def test_a_route_may_have_a_limit_of_its_own() -> None:
    """Its requests are counted apart from those of all other routes."""

    def change(resources: dict[str, Any]) -> None:
        settings = {"ThrottlingBurstLimit": 1, "ThrottlingRateLimit": 0.001}
        resources["Api"]["Properties"]["RouteSettings"] = {"GET /items/special": settings}

    with running(change) as stack:
        url = stack.outputs["ApiUrl"]
        answers = [httpx.get(f"{url}{path}") for path in ("/items/special", "/items/special", "/open")]
    assert [200, 429, 200] == [answer.status_code for answer in answers]


def test_moto_is_as_it_was_afterwards() -> None:
    """Every seam is put back, so that other tests have the moto they know."""
    before = (LambdaFunction.invoke, LambdaFunction._invoke_lambda, Queue.add_message)  # noqa: SLF001
    with running(lambda _: None):
        assert before[0] is not LambdaFunction.invoke
    assert before == (LambdaFunction.invoke, LambdaFunction._invoke_lambda, Queue.add_message)  # noqa: SLF001
    assert {"execute_state_machine": False} == default_user_config["stepfunctions"]


def test_there_is_one_at_a_time() -> None:
    """Two would share moto's one state without a word."""
    with running(lambda _: None), pytest.raises(RuntimeError, match="Another embedded AWS runs"):
        EmbeddedAws(ScaledClock()).start()

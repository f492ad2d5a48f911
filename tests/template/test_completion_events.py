"""Completion events are optional: without them the stack has nothing of theirs, and with them little more."""

from __future__ import annotations

import pytest

from . import stack
from .test_permissions import statements

CONDITION = "TakesCompletionEvents"
ROUTE = "/events/dashscope"


def test_off_by_default() -> None:
    """Nobody has a door open that he did not ask for."""
    parameter = stack.written()["Parameters"]["CompletionEvents"]
    assert ("off", ["off", "on"]) == (parameter["Default"], parameter["AllowedValues"])
    assert {CONDITION: {"Fn::Equals": [{"Ref": "CompletionEvents"}, "on"]}} == stack.translated().body["Conditions"]


def test_without_them_there_is_nothing_of_theirs() -> None:
    """Function, role, log, secret, permission and outputs come and go with the parameter, and nothing else does."""
    body = stack.translated().body
    resources = {name for name, resource in body["Resources"].items() if resource.get("Condition") == CONDITION}
    outputs = {name for name, output in body["Outputs"].items() if output.get("Condition") == CONDITION}
    assert resources == {
        "CompletionSecret",
        "WakeFunction",
        "WakeFunctionRole",
        "WakeFunctionTakeEventPermission",
        "WakeLogs",
    }
    assert outputs == {"CompletionEventsUrl", "CompletionSecretArn"}


def test_the_route_is_there_with_them_only() -> None:
    """One method of one path, for which no client's key is asked; the function asks for the token."""
    paths = stack.plain()["Resources"]["HttpApi"]["Properties"]["Body"]["paths"]
    condition, methods, otherwise = paths.pop(ROUTE)["Fn::If"]
    assert (CONDITION, ["post"], {"Ref": "AWS::NoValue"}) == (condition, [*methods], otherwise)
    assert [{"NONE": []}] == methods["post"]["security"]
    assert "Fn::If" not in str(paths)


def test_the_token_is_made_by_aws() -> None:
    """Forty-eight letters and digits, which nobody chose and no parameter carries."""
    (secret,) = [
        found["Properties"]
        for found in stack.of_type("AWS::SecretsManager::Secret").values()
        if "GenerateSecretString" in found["Properties"]
    ]
    assert {"PasswordLength": 48, "ExcludePunctuation": True} == secret["GenerateSecretString"]


def test_who_is_woken_is_all_that_the_door_decides() -> None:
    """It reads whose a task is, writes who listens, wakes executions and knows the token. No job, no bucket, no key."""
    found = {
        (statement["Action"], statement["Resource"], *keys(statement)) for statement in statements("WakeFunctionRole")
    }
    assert found == {
        ("dynamodb:GetItem", stack.arn("JobTable"), "TASK#*"),
        ("dynamodb:UpdateItem", stack.arn("JobTable"), "COMPLETION#*"),
        ("states:SendTaskSuccess", "*"),
        ("secretsmanager:GetSecretValue", stack.arn("CompletionSecret")),
    }


def keys(statement: dict[str, dict[str, dict[str, list[str]]]]) -> list[str]:
    """Give the partitions that a statement is about."""
    return statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])


@pytest.mark.parametrize(("role", "expected"), [("StatusFunctionRole", ["ResumeJobs"]), ("StartTaskFunctionRole", [])])
def test_the_steps_wake_nobody(role: str, expected: list[str]) -> None:
    """To listen needs no grant beyond what they have without: to ask passes a slot on, and to start wakes nobody."""
    assert expected == [one["Sid"] for one in statements(role) if "states:SendTaskSuccess" in one["Action"]]

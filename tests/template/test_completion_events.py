"""Completion events are optional: without them the stack has no resources for them, and with them few."""

from __future__ import annotations

import pytest

from . import stack
from .test_permissions import statements

CONDITION = "TakesCompletionEvents"
ROUTE = "/events/dashscope"


def test_off_by_default() -> None:
    """Nobody has an open route without having asked for it."""
    parameter = stack.written()["Parameters"]["CompletionEvents"]
    assert ("off", ["off", "on"]) == (parameter["Default"], parameter["AllowedValues"])
    assert {"Fn::Equals": [{"Ref": "CompletionEvents"}, "on"]} == stack.translated().body["Conditions"][CONDITION]


def test_without_them_there_are_no_resources_for_them() -> None:
    """Function, role, log, secret, permission and outputs depend on the parameter, and nothing else does."""
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


def test_the_route_exists_with_them_only() -> None:
    """It is one method of one path, without the authorizer; the function checks the token."""
    paths = stack.plain()["Resources"]["HttpApi"]["Properties"]["Body"]["paths"]
    condition, methods, otherwise = paths.pop(ROUTE)["Fn::If"]
    assert CONDITION == condition
    assert ["post"] == [*methods]
    assert {"Ref": "AWS::NoValue"} == otherwise
    assert [{"NONE": []}] == methods["post"]["security"]
    assert CONDITION not in str(paths)


def test_the_token_is_generated_by_aws() -> None:
    """It has forty-eight letters and digits, which nobody chose and no parameter contains."""
    (secret,) = [
        found["Properties"]
        for found in stack.of_type("AWS::SecretsManager::Secret").values()
        if "GenerateSecretString" in found["Properties"]
    ]
    assert {"PasswordLength": 48, "ExcludePunctuation": True} == secret["GenerateSecretString"]


def test_the_door_may_only_wake_executions() -> None:
    """It reads whose a task is, writes tokens, wakes executions and reads its secret: no job, no bucket, no key."""
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
    """Return the partitions that a statement refers to."""
    return statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])


@pytest.mark.parametrize(("role", "expected"), [("StatusFunctionRole", ["ResumeJobs"]), ("StartTaskFunctionRole", [])])
def test_the_steps_need_no_further_grants(role: str, expected: list[str]) -> None:
    """Waiting for events needs no more permissions: polling already passes slots on, and starting wakes nothing."""
    assert expected == [one["Sid"] for one in statements(role) if "states:SendTaskSuccess" in one["Action"]]

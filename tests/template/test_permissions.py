"""What the roles of the stack may do, read from the translated template."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest

from . import stack

ROLES = {name: role["Properties"] for name, role in stack.of_type("AWS::IAM::Role").items()}
FUNCTION_ROLES = {function["Role"]["Fn::GetAtt"][0] for function in stack.functions().values()}
# What leaves every object as it is; anything else may change one.
READS = ("s3:Get*", "s3:List*", "s3:Head*")
# Log delivery and tracing know no resources: AWS asks for "*" there.
NO_RESOURCES = ("logs:*", "xray:*")


def listed(value: str | list[str]) -> list[str]:
    """Give one or several as several."""
    return value if isinstance(value, list) else [value]


def statements(role: str) -> list[dict[str, Any]]:
    """Give the statements of a role's own policies, references resolved."""
    documents = [policy["PolicyDocument"] for policy in ROLES[role].get("Policies", [])]
    return [stack.resolve(statement) for document in documents for statement in listed(document["Statement"])]


def may_change(role: str, object_arn: str) -> list[str]:
    """Give the actions by which a role may change an object."""
    return [
        action
        for statement in statements(role)
        if statement["Effect"] == "Allow"
        and any(fnmatchcase(object_arn, pattern) for pattern in listed(statement["Resource"]))
        for action in listed(statement["Action"])
        if action == "*" or (action.startswith("s3:") and not any(fnmatchcase(action, read) for read in READS))
    ]


@pytest.mark.parametrize("role", ROLES)
def test_nothing_can_trigger_itself(role: str) -> None:
    """No role may write, tag or delete under drop/ of the inbox: what a function does never starts a job."""
    inbox = stack.arn("InboxBucket")
    for key in ("drop/cat.jpg", "drop/spring-ad/prompt.txt", "drop/"):
        assert [] == may_change(role, f"{inbox}/{key}")


def test_the_rule_can_be_broken() -> None:
    """The rule above sees writes where they are allowed: uploads of the HTTPS door are."""
    inbox = stack.arn("InboxBucket")
    assert ["s3:PutObject"] == may_change("SubmitFunctionRole", f"{inbox}/uploads/a/1.jpg")


@pytest.mark.parametrize("role", ROLES)
def test_statements_say_what_they_allow(role: str) -> None:
    """Every statement has a name, names its actions one by one, and never turns its meaning round with Not..."""
    for statement in statements(role):
        assert (
            {"Sid", "Effect", "Action", "Resource"}
            <= set(statement)
            <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        )
        assert [] == [action for action in listed(statement["Action"]) if "*" in action]


@pytest.mark.parametrize("role", ROLES)
def test_statements_name_resources(role: str) -> None:
    """No statement is about everything, but where AWS knows no resources; buckets are named by prefix or whole."""
    for statement in statements(role):
        if not all(any(fnmatchcase(action, free) for free in NO_RESOURCES) for action in listed(statement["Action"])):
            assert [] == [resource for resource in listed(statement["Resource"]) if resource.startswith("*")]


@pytest.mark.parametrize("role", sorted(FUNCTION_ROLES))
def test_managed_policies(role: str) -> None:
    """Of AWS's own policies a function has those for its log and its trace, and the one for its queue if it has one."""
    names = {arn.rsplit("/", 1)[1] for arn in stack.resolve(ROLES[role]["ManagedPolicyArns"])}
    consumers = {
        stack.functions()[source["Properties"]["FunctionName"]["Ref"]]["Role"]["Fn::GetAtt"][0]
        for source in stack.of_type("AWS::Lambda::EventSourceMapping").values()
    }
    expected = {"AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}
    assert expected | ({"AWSLambdaSQSQueueExecutionRole"} if role in consumers else set()) == names


def test_roles_are_not_shared() -> None:
    """Each function has a role of its own, so that each has only what it needs."""
    assert len(stack.functions()) == len(FUNCTION_ROLES)

"""Policies are evaluated as IAM evaluates them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.testbed.aws.iam.conditions import UnknownCondition, holds
from tests.testbed.aws.iam.policy import evaluate, statements, wildcard_matches


def verdict(*bodies: dict[str, Any], action: str = "s3:GetObject", resource: str = "arn:aws:s3:::b/k") -> str:
    """Evaluate statements without conditions."""
    document = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"} | body for body in bodies]}
    found = evaluate(statements("p", document), action, resource, {})
    return "deny" if found.denied else "allow" if found.allowed else "nothing"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "allow"),
        ({"Action": "S3:getobject"}, "allow"),
        ({"Action": ["s3:Put*", "s3:Get*"]}, "allow"),
        ({"Action": "s3:PutObject"}, "nothing"),
        ({"Resource": "arn:aws:s3:::b/*"}, "allow"),
        ({"Resource": "arn:aws:s3:::B/*"}, "nothing"),
        ({"Resource": "arn:aws:s3:::b"}, "nothing"),
        ({"Resource": "arn:aws:s3:::b/?"}, "allow"),
        ({"Effect": "Deny"}, "deny"),
    ],
)
def test_a_statement_applies_to_its_actions_and_resources(body: dict[str, Any], expected: str) -> None:
    """Actions are case-insensitive, resources are case-sensitive; ``*`` and ``?`` are the only wildcards."""
    assert expected == verdict(body)


def test_not_action_and_not_resource_apply_to_all_others() -> None:
    """They apply to everything except what they name."""
    allow = {"Effect": "Allow", "Resource": "*", "NotAction": "s3:Put*"}
    document = {"Statement": [allow, {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b/*"}]}
    policy = list(statements("p", document))
    assert evaluate(policy[:1], "s3:GetObject", "arn", {}).allowed
    assert not evaluate(policy[:1], "s3:PutObject", "arn", {}).allowed
    assert evaluate(policy[1:], "s3:GetObject", "arn:aws:s3:::c/k", {}).allowed
    assert not evaluate(policy[1:], "s3:GetObject", "arn:aws:s3:::b/k", {}).allowed


def test_deny_wins_in_any_order() -> None:
    """The order of statements does not matter."""
    assert "deny" == verdict({}, {"Effect": "Deny", "Action": "s3:Get*"}) == verdict({"Effect": "Deny"}, {})


def test_brackets_are_not_wildcards() -> None:
    """Keys may contain them."""
    assert wildcard_matches("a[1]*", "a[1].jpg")
    assert not wildcard_matches("a[1]", "a1")


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": ["b"]}, True),
        ({"StringEquals": {"K": "a"}}, {"k": ["a"]}, True),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": ["a"]}, False),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": ["c"]}, True),
        ({"StringNotEquals": {"k": "a"}}, {}, True),
        ({"StringLike": {"k": "drop/*"}}, {"k": ["drop/x"]}, True),
        ({"StringNotLike": {"k": "drop/*"}}, {"k": ["drop/x"]}, False),
        ({"ArnLike": {"k": "arn:aws:s3:::*"}}, {"k": ["arn:aws:s3:::b"]}, True),
        ({"Bool": {"k": False}}, {"k": ["true"]}, False),
        ({"Bool": {"k": "true"}}, {"k": ["true"]}, True),
        ({"Null": {"k": "true"}}, {}, True),
        ({"Null": {"k": "false"}}, {}, False),
        ({"NumericLessThan": {"k": "10"}}, {"k": ["9"]}, True),
        ({"NumericGreaterThanEquals": {"k": 10}}, {"k": ["9"]}, False),
        ({"DateLessThan": {"k": "2030-01-01T00:00:00Z"}}, {"k": ["2029-01-01T00:00:00Z"]}, True),
        ({"IpAddress": {"k": "127.0.0.0/8"}}, {"k": ["127.0.0.1"]}, True),
        ({"NotIpAddress": {"k": "127.0.0.0/8"}}, {"k": ["127.0.0.1"]}, False),
        ({"ForAllValues:StringLike": {"k": "a*"}}, {"k": ["a1", "a2"]}, True),
        ({"ForAllValues:StringLike": {"k": "a*"}}, {"k": ["a1", "b"]}, False),
        ({"ForAllValues:StringLike": {"k": "a*"}}, {}, True),
        ({"ForAnyValue:StringLike": {"k": "a*"}}, {"k": ["b", "a1"]}, True),
        ({"ForAnyValue:StringLike": {"k": "a*"}}, {}, False),
        ({"StringEquals": {"k": "a"}, "Bool": {"l": "true"}}, {"k": ["a"], "l": ["false"]}, False),
    ],
)
def test_conditions_are_evaluated_as_on_aws(condition: Any, context: Any, expected: bool) -> None:  # noqa: ANN401
    """All of them must hold; a missing key fails a positive operator and passes a negated one."""
    assert expected == holds(condition, context)


def test_an_unknown_condition_is_an_error() -> None:
    """It is never evaluated as false, which would look like a missing permission."""
    with pytest.raises(UnknownCondition, match="BinaryEquals"):
        holds({"BinaryEquals": {"k": "a"}}, {"k": ["a"]})

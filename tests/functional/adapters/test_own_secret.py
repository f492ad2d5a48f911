"""An operator's own secret holds the DashScope key, instead of one of the stack's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from gallop import settings

from fake_dashscope.clock import ManualClock
from tests.support.stack import aws, deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stack import Stack

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:mine-AbCdEf"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Deploy the template with a secret that exists already; the key typed at `sam deploy --guided` is a hyphen."""
    with deployed(ManualClock(), executing=False, DashScopeSecretArn=ARN, DashScopeApiKey="-") as deployment:
        yield deployment


def test_the_stack_has_no_secret_for_the_key(stack: Stack) -> None:
    """What is typed as the key is stored nowhere, so it overwrites nothing."""
    assert "DashScopeSecret" not in stack.deployment.resources
    assert [] == aws("secretsmanager").list_secrets()["SecretList"]


def test_functions_read_the_operators_secret(stack: Stack) -> None:
    """New jobs name it, and the functions that use the key may read that secret only."""
    with stack.acting_as("SubmitFunction"):
        assert ARN == settings.dashscope_secret_arn()
    policy = stack.resource("UseVendorKeyPolicy")
    document = aws("iam").get_policy_version(PolicyArn=policy, VersionId="v1")["PolicyVersion"]["Document"]
    (statement,) = cast("dict[str, Any]", document)["Statement"]
    assert ARN == statement["Resource"]

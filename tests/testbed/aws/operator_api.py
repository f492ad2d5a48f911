"""Calls of an operator that moto lacks: the account's limits, and the simulation of a role's policies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.awslambda import urls
from moto.awslambda.responses import LambdaResponse
from moto.core.responses import ActionResult
from moto.iam.responses import IamResponse

from .iam.authority import identity_policies
from .iam.policy import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT_SETTINGS = r"{0}/(?P<api_version>[^/]+)/account-settings/?$"
USUAL_CONCURRENCY = 1000
"""What AWS gives an account that is not new."""


def methods(concurrency: int | None) -> Iterator[tuple[type, str, Any]]:
    """Yield the methods to add to moto's classes; ``concurrency`` is the account's, or None for the usual one."""

    def get_account_settings(_: LambdaResponse) -> tuple[int, dict[str, str], str]:
        limit = USUAL_CONCURRENCY if concurrency is None else concurrency
        limits = {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": limit}
        return 200, {}, json.dumps({"AccountLimit": limits})

    yield LambdaResponse, "get_account_settings", get_account_settings
    yield IamResponse, "simulate_principal_policy", _simulate_principal_policy


def paths() -> dict[str, Any]:
    """Return the paths to add to those that moto knows of Lambda."""
    return {**urls.url_paths, ACCOUNT_SETTINGS: LambdaResponse.dispatch}


def _simulate_principal_policy(response: IamResponse) -> ActionResult:
    asked = response._get_params()  # noqa: SLF001 - as moto's own methods
    own = list(identity_policies("role", asked["PolicySourceArn"].rpartition("/")[2]))
    context = {
        entry["ContextKeyName"].lower(): entry["ContextKeyValues"] for entry in asked.get("ContextEntries") or []
    }
    return ActionResult(
        {
            "EvaluationResults": [
                {
                    "EvalActionName": action,
                    "EvalResourceName": resource,
                    "EvalDecision": _decision(own, action, resource, context),
                }
                for action in asked["ActionNames"]
                for resource in asked["ResourceArns"]
            ],
            "IsTruncated": False,
        }
    )


def _decision(own: Any, action: str, resource: str, context: Any) -> str:  # noqa: ANN401 - as ``evaluate`` takes them
    verdict = evaluate(own, action, resource, {"aws:securetransport": ["true"], **context})
    return "allowed" if verdict.allowed else "explicitDeny" if verdict.denied else "implicitDeny"

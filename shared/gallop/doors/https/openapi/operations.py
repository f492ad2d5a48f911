"""One route as an OpenAPI operation: its own answers, and those that all routes have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.domain import errors
from gallop.doors.https.errors import PROBLEM
from gallop.doors.https.methods import MethodNotAllowed, NoSuchRoute
from gallop.doors.https.openapi import examples
from gallop.doors.https.openapi.basics import ref
from gallop.doors.https.openapi.routes import JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.doors.https.openapi.routes import Route

VIDEOS, DASHSCOPE = "Videos", "DashScope's protocol"
TAGS = (
    {"name": VIDEOS, "description": "Gallop's own protocol, which OpenAI's clients use as well."},
    {"name": DASHSCOPE, "description": "The routes of DashScope, for its clients."},
)

_RETRY_AFTER = {
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds until the same request may succeed."}
}
# The statuses of refusals that say when to retry.
_WAITING = (errors.BudgetExceeded.status, errors.TooManyRequests.status)
_OF_EVERY_KEY = (errors.Unauthenticated, errors.TooManyRequests)


def operation(route: Route) -> dict[str, Any]:
    """Describe a route."""
    described: dict[str, Any] = {
        "tags": [DASHSCOPE if route.path.startswith("/api/v1/") else VIDEOS],
        "summary": route.summary,
        "description": route.details,
        "operationId": _name(route),
        "responses": {**route.answers, **_refusals(route), "503": _not_available()},
    }
    if route.parameters:
        described["parameters"] = list(route.parameters)
    if route.body:
        described["requestBody"] = {"required": True, "content": route.body}
    if route.is_open:
        described["security"] = []
    return described


def _refusals(route: Route) -> dict[str, Any]:
    kinds: Sequence[type[errors.CallerError]] = (*route.refusals, *_common(route))
    statuses = sorted({kind.status for kind in kinds})
    return {str(status): _refusal([kind for kind in kinds if kind.status == status]) for status in statuses}


def _common(route: Route) -> Sequence[type[errors.CallerError]]:
    # A path with a malformed id matches no route, or a shorter one: API Gateway cuts it at an encoded question mark.
    at_a_path = (NoSuchRoute, MethodNotAllowed) if "{" in route.path else ()
    return at_a_path if route.is_open else (*_OF_EVERY_KEY, *at_a_path)


def _refusal(kinds: Sequence[type[errors.CallerError]]) -> dict[str, Any]:
    values = {kind.code: {"value": examples.refused(kind)} for kind in kinds}
    waits = {"headers": _RETRY_AFTER} if any(kind.retryable and kind.status in _WAITING for kind in kinds) else {}
    return {
        "description": "; ".join(f"{kind.title} (`{kind.code}`)" for kind in kinds),
        **waits,
        "content": {
            PROBLEM: {"schema": ref("Problem"), "examples": values},
            JSON: {"schema": {"anyOf": [ref("OpenAIError"), ref("DashScopeError")]}},
        },
    }


def _not_available() -> dict[str, Any]:
    return {
        "description": "An upstream service is unavailable. Send the same request again after `Retry-After` seconds.",
        "headers": _RETRY_AFTER,
        "content": {PROBLEM: {"schema": ref("Problem")}},
    }


def _name(route: Route) -> str:
    parts = [part.strip("{}") for part in route.path.split("/") if part]
    return "_".join([route.method, *parts])

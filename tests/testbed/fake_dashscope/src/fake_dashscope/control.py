"""The control paths under ``/__fake__/``: read the ledger, arm faults, add models, send events, reset."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fake_dashscope.faults import KINDS, BadFaultError, read_fault
from fake_dashscope.models import BadModelError
from fake_dashscope.notices import MODES, BadRuleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_dashscope.core import FakeDashScope

PREFIX = "/__fake__/"
Answer = tuple[int, dict[str, Any]]


def answer(fake: FakeDashScope, method: str, path: str, body: bytes) -> Answer:
    """Return status and JSON document of a control request."""
    routes: dict[tuple[str, str], Callable[[], Answer]] = {
        ("GET", "ledger"): lambda: (200, fake.ledger()),
        ("GET", "faults"): lambda: (200, {"armed": fake.faults.view(), "allowed": _allowed()}),
        ("POST", "faults"): lambda: _arm(fake, body),
        ("GET", "models"): lambda: (200, _models(fake)),
        ("POST", "models"): lambda: _add_model(fake, body),
        ("GET", "events"): lambda: (200, fake.events()),
        ("POST", "events"): lambda: _notify(fake, body),
        ("POST", "reset"): lambda: _reset(fake),
    }
    route = routes.get((method, path.removeprefix(PREFIX).rstrip("/")))
    if route is None:
        allowed = ", ".join(f"{verb} {PREFIX}{name}" for verb, name in routes)
        return 404, {"error": f"not found: {method} {path}; allowed: {allowed}"}
    return route()


def _arm(fake: FakeDashScope, body: bytes) -> Answer:
    try:
        fault = read_fault(json.loads(body))
    except BadFaultError as error:
        return 400, {"error": str(error), "allowed": _allowed()}
    except ValueError as error:
        return 400, {"error": f"the body is not valid JSON: {error}", "allowed": _allowed()}
    fake.faults.arm(fault)
    return 200, {"armed": fake.faults.view()}


def _models(fake: FakeDashScope) -> dict[str, Any]:
    return {"models": [model.view() for model in fake.models()]}


def _add_model(fake: FakeDashScope, body: bytes) -> Answer:
    try:
        fake.add_model(json.loads(body))
    except BadModelError as error:
        return 400, {"error": str(error)}
    except ValueError as error:
        return 400, {"error": f"the body is not valid JSON: {error}"}
    return 200, _models(fake)


def _notify(fake: FakeDashScope, body: bytes) -> Answer:
    try:
        rule = json.loads(body)
        fake.notify(**rule if isinstance(rule, dict) else {"rule": rule})
    except BadRuleError as error:
        return 400, {"error": str(error), "modes": MODES}
    except ValueError as error:
        return 400, {"error": f"the body is not valid JSON: {error}", "modes": MODES}
    return 200, fake.events()


def _reset(fake: FakeDashScope) -> Answer:
    fake.reset()
    return 200, {"reset": True}


def _allowed() -> dict[str, list[str]]:
    return {on: list(kinds) for on, kinds in KINDS.items()}

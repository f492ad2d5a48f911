"""The schemas of what a caller has spent, and of what waits and runs."""

from __future__ import annotations

from gallop.domain.budget import Period
from gallop.doors.https.openapi.basics import TEXT, USD, Schema, choice, closed, nullable, ref

_WHOLE: Schema = {"type": "integer", "minimum": 0}


def components() -> dict[str, Schema]:
    """Return the components by name."""
    return {"Usage": _usage(), "BudgetUse": _budget_use()}


def _usage() -> Schema:
    """Describe what ``usage.view`` shows; what only operators see is optional."""
    shown: dict[str, Schema] = {
        "object": {"const": "usage"},
        "client": TEXT,
        "is_operator": {"type": "boolean", "description": "Whether the key shows the jobs of all clients."},
        "placement": nullable(ref("Placement")),
        "jobs": closed(
            {"waiting": _described("Yours that wait for a slot."), "running": _described("Yours with one.")}
        ),
        "budgets": {"type": "array", "items": ref("BudgetUse")},
        "queues": {"type": "array", "items": _queue(), "description": "Of each model that has had jobs."},
    }
    parked = _described("Drops of the whole stack that wait until a cap has room.")
    return closed({**shown, "parked": parked}, required=tuple(shown))


def _queue() -> Schema:
    always: dict[str, Schema] = {
        "model": TEXT,
        "region": TEXT,
        "estimated_wait_seconds": nullable(_described("Until your next job starts; null if the queue is too long.")),
    }
    for_operators: dict[str, Schema] = {
        "waiting": nullable(_described("Jobs of all clients that wait for a slot; null if more than 5,000.")),
        "held": _described("Slots in use."),
        "slots": _described("All slots: `MaxInFlight`."),
    }
    return closed({**always, **for_operators}, required=tuple(always))


def _budget_use() -> Schema:
    """Describe how far a budget is used, with or without a cap."""
    used = {**USD, "description": "Reserved or spent; null without a cap, if too many jobs would have to be read."}
    always: dict[str, Schema] = {
        "of": choice(["stack", "client", "account"]),
        "period": choice([period.value for period in Period]),
        "cap": nullable(USD),
        "used": nullable(used),
        "left": nullable(USD),
        "currency": {"const": "USD"},
        "resets_at": {"type": "string", "format": "date-time"},
    }
    account = {**TEXT, "description": "Of an account of DashScope with a cap, which operators see."}
    return closed({**always, "account": account}, required=tuple(always))


def _described(description: str) -> Schema:
    return {**_WHOLE, "description": description}

"""The HTTPS door: what a caller has spent, and what waits and runs for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.domain.operator_views import lane_view
from gallop.services import usage

if TYPE_CHECKING:
    from gallop.domain.budget import BudgetUse
    from gallop.doors.https.identity import Caller
    from gallop.services.usage import Lane


def view(caller: Caller) -> dict[str, Any]:
    """Show the caller's budgets and jobs, and how long each model's queue is; an operator sees those of the stack."""
    lanes = usage.lanes(caller.client)
    shown = {
        "object": "usage",
        "client": caller.client,
        "is_operator": caller.is_admin,
        "placement": caller.bound.view(),
        "jobs": {
            "waiting": sum(lane.own_waiting for lane in lanes),
            "running": sum(lane.own_running for lane in lanes),
        },
        "budgets": [use.view() for use in _budgets(caller)],
        "queues": [_queue(lane, is_admin=caller.is_admin) for lane in lanes],
    }
    return {**shown, "parked": usage.parked()} if caller.is_admin else shown


def _budgets(caller: Caller) -> list[BudgetUse]:
    found = usage.spending(caller.client, is_admin=caller.is_admin)
    return [*found, *usage.of_accounts()] if caller.is_admin else found


def _queue(lane: Lane, *, is_admin: bool) -> dict[str, Any]:
    parts = lane_view(lane.lane)
    shown = {"model": parts["model"], "region": parts["region"], "estimated_wait_seconds": lane.wait_seconds}
    if not is_admin:
        return shown
    return {**shown, "waiting": lane.waiting, "held": lane.held, "slots": lane.slots}

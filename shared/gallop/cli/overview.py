"""``gallop queue``, ``gallop slots`` and ``gallop spend``: what waits, what runs, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gallop.cli import moments, show
from gallop.cli.target import StackOption, opened
from gallop.domain import operator_views, times
from gallop.domain.budget import STACK
from gallop.domain.operator_views import lane_name, lane_view
from gallop.services import overview

if TYPE_CHECKING:
    from decimal import Decimal

    from gallop.services.overview import Holder, Queue, Spent, Waiting

LimitOption = Annotated[int, typer.Option(help="Maximum number of jobs per lane.", min=1, max=5000)]


def queue(limit: LimitOption = 50, json: show.JsonOption = False, stack: StackOption = "") -> None:
    """Show the jobs that wait for a slot, per lane: position, client, since when, and the estimated start."""
    with opened(stack) as target:
        target.use_settings_of("ReconcileFunction")
        lanes, now = overview.queues(limit), target.now()
    if json:
        show.as_json([_queue_view(lane) for lane in lanes])
        return
    for lane in lanes:
        count = "more than 5,000" if lane.count is None else f"{lane.count:,}"
        show.remark(f"{lane_name(lane.lane)}: {count} waiting")
        if lane.first:
            show.as_table(
                ("POSITION", "JOB", "CLIENT", "WAITING", "STARTS"), [_waiting_row(one, now) for one in lane.first]
            )
    if not lanes:
        show.remark(f"Stack {target.stack!r} has had no jobs yet.")


def slots(json: show.JsonOption = False, stack: StackOption = "") -> None:
    """Show which jobs hold the slots of each lane, and since when."""
    with opened(stack) as target:
        target.use_settings_of("ReconcileFunction")
        lanes, now = overview.holders(), target.now()
    if json:
        show.as_json([_slots_view(lane, held, limit) for lane, limit, held in lanes])
        return
    for lane, limit, held in lanes:
        show.remark(f"{lane_name(lane)}: {len(held)} of {limit} slots held")
        if held:
            show.as_table(("JOB", "CLIENT", "STATE", "HELD FOR", "TASK"), [_holder_row(one, now) for one in held])
    if not lanes:
        show.remark(f"Stack {target.stack!r} has had no jobs yet.")


def spend(json: show.JsonOption = False, stack: StackOption = "") -> None:
    """Show what the stack and each client have spent and reserved, today and this month (UTC), against the caps."""
    with opened(stack) as target:
        target.use_settings_of("ReconcileFunction")
        found = overview.spending(target.now())
    if json:
        show.as_json([_spent_view(one) for one in found])
        return
    head = ("OWNER", "PERIOD", "SPENT", "RESERVED", "COUNTED", "CAP", "LEFT")
    show.as_table(head, [_spent_row(one) for one in found])


def _queue_view(lane: Queue) -> dict[str, Any]:
    return {"lane": lane_view(lane.lane), "waiting": lane.count, "jobs": [_waiting_view(one) for one in lane.first]}


def _waiting_view(one: Waiting) -> dict[str, Any]:
    at = {"position": one.position.position, "estimated_start": times.timestamp(one.position.starts_at)}
    return {**at, **operator_views.summary(one.job)}


def _waiting_row(one: Waiting, now: float) -> tuple[str, ...]:
    waiting = moments.ago(now - one.job.created_at)
    starts = times.day_and_time(one.position.starts_at)
    return str(one.position.position), one.job.id, one.job.client, waiting, starts


def _slots_view(lane: str, held: list[Holder], limit: int) -> dict[str, Any]:
    jobs = [
        {"id": one.job_id, "since": times.timestamp(one.since), "job": one.job and operator_views.summary(one.job)}
        for one in held
    ]
    return {"lane": lane_view(lane), "slots": limit, "held": jobs}


def _holder_row(one: Holder, now: float) -> tuple[str, ...]:
    if one.job is None:
        return one.job_id, "", "no record; the sweep frees the slot", moments.ago(now - one.since), ""
    return one.job_id, one.job.client, one.job.state.value, moments.ago(now - one.since), one.job.task_id


def _spent_view(one: Spent) -> dict[str, Any]:
    return {
        "of": "stack" if one.owner == STACK else "client",
        "client": None if one.owner == STACK else one.owner,
        "period": one.period.value,
        "starts": one.starts,
        "spent": float(one.spent),
        "reserved": float(one.reserved),
        "counted": _number(one.counted),
        "cap": _number(one.cap),
        "left": _number(one.left),
        "currency": "USD",
    }


def _spent_row(one: Spent) -> tuple[str, ...]:
    owner = "all jobs" if one.owner == STACK else one.owner
    amounts = (one.spent, one.reserved, one.counted, one.cap, one.left)
    return owner, f"{one.period.value} {one.starts}", *("-" if usd is None else f"{usd:,.2f}" for usd in amounts)


def _number(usd: Decimal | None) -> float | None:
    return None if usd is None else float(usd)

"""What a caller has spent, and what waits and runs for it; for an operator, also for the whole stack. It only reads."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING

from gallop import clock
from gallop.adapters.table import budgets, job_index, jobs, slots, task_durations
from gallop.domain import budget
from gallop.domain.budget import STACK, Period
from gallop.domain.frozen import frozen
from gallop.domain.job import is_terminal
from gallop.domain.lanes import has_queue, is_restricted
from gallop.domain.scheduling import queue, run_times
from gallop.domain.scheduling.queue import Ticket
from gallop.services import account_caps, overview
from gallop.services import lanes as lanes_of_all
from gallop.services.slots import line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gallop.adapters.table.slots import SlotPool
    from gallop.domain.budget import BudgetUse, Cap
    from gallop.domain.job import Job

# Without a cap nothing counts what is spent: it is summed over at most as many jobs as a page of a list looks at.
MAX_JOBS = 300
# Of a lane that has just begun.
_USUAL_SECONDS = run_times.expected_seconds("720P", 5)


@frozen
class Lane:
    """The line for a lane: how many jobs wait for a slot, and run in one, of all and of the caller.

    None if too many wait. ``wait_seconds`` is how long the caller's next job would wait, if it may run everywhere.
    ``slots`` are those of all lanes that serve the line.
    """

    lane: str
    waiting: int | None
    held: int
    own_waiting: int
    own_running: int
    wait_seconds: int | None
    slots: int


def lanes(client: str) -> list[Lane]:
    """Return all lanes that have had jobs, as a client sees them."""
    found = slots.pools()
    pools = [
        lanes_of_all.merged(pool, found) for pool in found if has_queue(pool.lane) and not is_restricted(pool.lane)
    ]
    running = {job.id: job for job in jobs.get_all([job_id for pool in pools for job_id in pool.holders])}
    return [_lane(pool, [running[one] for one in pool.holders if one in running], client) for pool in pools]


def parked() -> int:
    """Return how many jobs of the stack wait for a budget."""
    return len(jobs.open_jobs(clock.now() + 1, jobs.PARKED, None))


def spending(client: str, *, is_admin: bool) -> list[BudgetUse]:
    """Return how far a client's budgets are used, and those of the stack: all for an operator, or those with a cap."""
    day = budget.day_of(clock.now())
    caps = budgets.caps_of(client)
    own, stack = ([cap for cap in caps if (cap.owner == STACK) is of_stack] for of_stack in (False, True))
    found = _of_owner(f"CLIENT#{client}", client, own, day)
    if is_admin:
        return [*found, *_of_owner(STACK, None, stack, day)]
    return [*found, *(use for use in _of_owner(STACK, None, stack, day) if use.cap)] if stack else found


def of_accounts() -> list[BudgetUse]:
    """Return how far the accounts with caps have used them."""
    return account_caps.uses(lane for pool in slots.pools() for lane in pool.lanes or ())


def _lane(pool: SlotPool, running: Sequence[Job], client: str) -> Lane:
    limit = lanes_of_all.limit(pool)
    own_running = sum(job.client == client and not is_terminal(job.state) for job in running)
    is_free = len(pool.holders) < limit
    waiting = slots.queued(pool.lane)
    # In a full lane, an empty queue may be one that is too long to be read.
    is_too_long = not waiting and not is_free and slots.next_in_queue(pool)[0] is not None
    tickets = None if is_too_long else line(pool, waiting)
    if tickets is None:
        return Lane(pool.lane, None, len(pool.holders), 0, own_running, None, limit)
    own_waiting = sum(ticket.client == client for ticket in tickets)
    wait = 0 if is_free and not tickets else _wait_seconds(pool, tickets, running, client)
    return Lane(pool.lane, len(tickets), len(pool.holders), own_waiting, own_running, wait, limit)


def _wait_seconds(pool: SlotPool, tickets: list[Ticket], running: Sequence[Job], client: str) -> int:
    now, job_id = clock.now(), ""
    following = sorted([*tickets, Ticket(client, 0, now, job_id)], key=lambda ticket: ticket.name)
    position = queue.positions(following, pool.last_served)[job_id]
    ran = [task_durations.known(job.request, job.account).mean for job in running]
    seconds = sum(ran) / len(ran) if ran else _USUAL_SECONDS
    return max(0, round(lanes_of_all.starts_at(pool, position, seconds) - now))


def _of_owner(owner: str, client: str | None, caps: Sequence[Cap], day: str) -> list[BudgetUse]:
    """Return both periods of an owner, as counted if it has a cap; ``client`` is None for the jobs of all."""
    usd = {cap.period: cap.usd for cap in caps}
    used = budgets.counted(owner, day) if caps else _summed(client, day)
    return [budget.use(owner, period, day, used[period], usd.get(period)) for period in Period]


def _summed(client: str | None, day: str) -> Mapping[Period, Decimal | None]:
    """Sum what the jobs of this month have spent and reserved; None for a period with too many of them."""
    start = job_index.cursor_at(int(budget.start_of_month(day) * 1000))
    entries = job_index.entries(client, start, job_index.END, ascending=False)
    found = [entry.job_id for entry in islice(entries, MAX_JOBS + 1)]
    read = jobs.get_all(found[:MAX_JOBS])
    today = sum((_amount(job) for job in read if overview.day_of(job) == day), Decimal(0))
    if len(found) <= MAX_JOBS:
        return {Period.DAY: today, Period.MONTH: sum(map(_amount, read), Decimal(0))}
    return {Period.DAY: None if overview.day_of(read[-1]) == day else today, Period.MONTH: None}


def _amount(job: Job) -> Decimal:
    spent, reserved = overview.amounts(job)
    return spent + reserved

"""What waits, what runs and what is spent, for an operator; it only reads."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from gallop.adapters.table import budgets, jobs
from gallop.adapters.table import slots as pools
from gallop.domain import budget, failures
from gallop.domain.budget import STACK, Cap, Period
from gallop.domain.frozen import frozen
from gallop.domain.job import is_terminal
from gallop.domain.lanes import has_queue, is_restricted
from gallop.services import find_jobs, lanes, slots

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gallop.adapters.table.slots import SlotPool
    from gallop.domain.job import Job
    from gallop.domain.scheduling.queue import QueuePosition


@frozen
class Waiting:
    """A job in the queue of a lane."""

    job: Job
    position: QueuePosition


@frozen
class Queue:
    """The queue of a lane: the number of jobs in it, and the first of them; None if they are too many to be counted."""

    lane: str
    count: int | None
    first: Sequence[Waiting]


@frozen
class Holder:
    """A job that has a slot, since when (epoch seconds); ``job`` is None if it no longer exists."""

    job_id: str
    since: float
    job: Job | None


@frozen
class Spent:
    """What an owner, the whole stack or a client, has spent and reserved in a period, in USD.

    ``counted`` is the sum that is compared with the cap; both are None without a cap.
    """

    owner: str
    period: Period
    starts: str
    spent: Decimal
    reserved: Decimal
    counted: Decimal | None = None
    cap: Decimal | None = None

    @property
    def left(self) -> Decimal | None:
        """What the cap has room for."""
        return None if self.cap is None or self.counted is None else max(self.cap - self.counted, Decimal(0))


def queues(limit: int) -> list[Queue]:
    """Return the queue of each lane, with its first ``limit`` jobs."""
    found = pools.pools()
    return [_queue(lanes.merged(pool, found), limit) for pool in found if has_queue(pool.lane)]


def _queue(pool: SlotPool, limit: int) -> Queue:
    count, positions = slots.waiting_in(pool)
    first = sorted(positions, key=lambda job_id: positions[job_id])[:limit]
    waiting = [Waiting(job, slots.position_at(job, positions[job.id], pool)) for job in jobs.get_all(first)]
    return Queue(pool.lane, count, waiting)


def holders() -> list[tuple[str, int, list[Holder]]]:
    """Return each lane with its number of slots, and the jobs that hold them, the longest first."""
    found, every = [], pools.pools()
    for pool in (one for one in every if not is_restricted(one.lane)):
        held = sorted(pool.holders.items(), key=lambda one: one[1])
        known = {job.id: job for job in jobs.get_all([job_id for job_id, _ in held])}
        limit = lanes.own_limit(pool, every)
        found.append((pool.lane, limit, [Holder(job_id, since, known.get(job_id)) for job_id, since in held]))
    return found


def spending(now: float) -> list[Spent]:
    """Return what the stack and each client have spent and reserved today and in this month (UTC).

    It reads each job of the month. A job belongs to the day on which it was reserved, or created if no cap applied.
    """
    today = budget.day_of(now)
    sums: dict[tuple[str, Period], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for job in _jobs_of_month(today):
        day = day_of(job)
        spent, reserved = amounts(job)
        for owner in (STACK, job.client):
            for period in Period:
                if _is_in(day, period, today):
                    sums[owner, period][0] += spent
                    sums[owner, period][1] += reserved
    owners = [STACK, *sorted({owner for owner, _ in sums} - {STACK})]
    return [_spent(owner, period, sums[owner, period], today) for owner in owners for period in Period]


def _spent(owner: str, period: Period, sums: Sequence[Decimal], today: str) -> Spent:
    starts = today if period is Period.DAY else budget.month_of(today)
    cap = _cap_of(owner, period)
    counted = budgets.used([cap], today)[cap] if cap else None
    return Spent(owner, period, starts, sums[0], sums[1], counted, cap.usd if cap else None)


def _cap_of(owner: str, period: Period) -> Cap | None:
    caps = budgets.caps_of("" if owner == STACK else owner)
    return next((cap for cap in caps if (cap.owner == STACK) is (owner == STACK) and cap.period is period), None)


def day_of(job: Job) -> str:
    """Return the day to which a job belongs: on which it was reserved, or created if no cap applied."""
    return job.reserved.day if job.reserved else budget.day_of(job.created_at)


def amounts(job: Job) -> tuple[Decimal, Decimal]:
    """Return what a job has cost, and what it may still cost; a parked job costs nothing before it is released."""
    if not is_terminal(job.state):
        return Decimal(0), Decimal(0) if job.parked else job.estimated_cost
    charged = failures.charge_of(job)
    # Unknown: it may have been charged.
    return job.estimated_cost if charged is None else charged, Decimal(0)


def _is_in(day: str, period: Period, today: str) -> bool:
    return day == today if period is Period.DAY else budget.month_of(day) == budget.month_of(today)


def _jobs_of_month(today: str) -> Iterator[Job]:
    """Yield the jobs that were created in this month, and those that have not ended since an earlier one."""
    start = budget.start_of_month(today)
    yield from find_jobs.found(find_jobs.Filter(since=start))
    yield from (job for job in find_jobs.open_jobs() if job.created_at < start)

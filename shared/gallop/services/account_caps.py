"""The caps of accounts: what a job reserves under them, how far they are used, and when an account has room again."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from gallop import clock
from gallop.adapters.table import budgets
from gallop.domain import budget
from gallop.domain.request import estimate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from gallop.domain.accounts import Account
    from gallop.domain.budget import BudgetUse, Period, Reservation
    from gallop.domain.job import Job
    from gallop.domain.lanes import Lane

# For estimated starts, an environment reads the budget of an account once in this time.
CACHE_SECONDS = 60


def reservation(job: Job, lane: Lane, now: float) -> Reservation | None:
    """Return what a job reserves under the caps of a lane's account: its price there; None if that has no cap."""
    return budget.reservation(lane.caps, _price(job, lane), now)


def opens_at(job: Job, open_to: Iterable[Lane]) -> float:
    """Return when one of these lanes has room for a job under its caps (epoch seconds); 0 if one has it now."""
    return min((_opens_at(job, lane) for lane in open_to), default=0)


def uses(accounts: Iterable[Account | Lane]) -> list[BudgetUse]:
    """Return how far each account with a cap has used it."""
    day = budget.day_of(clock.now())
    caps = dict.fromkeys(cap for account in accounts for cap in account.caps)
    used = budgets.used([*caps], day)
    return [budget.use(cap.owner, cap.period, day, used[cap], cap.usd) for cap in caps]


def clear_cache() -> None:
    """Forget the budgets that were read."""
    _counted.cache_clear()


def _opens_at(job: Job, lane: Lane) -> float:
    now = clock.now()
    day = budget.day_of(now)
    used = {cap: _counted(cap.owner, day, int(now // CACHE_SECONDS))[cap.period] for cap in lane.caps}
    short = budget.shortfall(used, _price(job, lane), day)
    return short.resets_at if short else 0


def _price(job: Job, lane: Lane) -> Decimal:
    try:
        return estimate.of(job.request, lane.scope).usd
    except LookupError:
        # Of a model of another version.
        return job.estimated_cost


@lru_cache(maxsize=64)
def _counted(owner: str, day: str, _moment: int) -> Mapping[Period, Decimal]:
    return budgets.counted(owner, day)

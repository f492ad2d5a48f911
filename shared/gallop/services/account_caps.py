"""The caps of accounts: what a job reserves under them, how far they are used, and when an account has room again."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from gallop import clock
from gallop.adapters.table import budgets
from gallop.domain import budget
from gallop.domain.errors import BudgetExceeded
from gallop.domain.models import MODELS
from gallop.domain.request import estimate
from gallop.services import lane_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gallop.domain.accounts import Account
    from gallop.domain.budget import BudgetUse, Period, Reservation
    from gallop.domain.job import Job
    from gallop.domain.lanes import Lane
    from gallop.domain.request.request import VideoRequest

# For estimated starts, an environment reads the budget of an account once in this time.
CACHE_SECONDS = 60


def check(request: VideoRequest) -> None:
    """Check that each video of a request would fit under the caps of an account that may make it, if these were unused.

    Raises:
        BudgetExceeded: it would not, so that its job would wait in vain.

    """
    now = clock.now()
    day, short = budget.day_of(now), []
    for lane in lane_list.open_to(request.model, request.placement):
        found = budget.shortfall(dict.fromkeys(lane.caps, Decimal(0)), estimate.of(request, lane.scope).usd, day)
        if found is None:
            return
        short.append(found)
    if short:
        raise BudgetExceeded(short[0], now)


def reservation(job: Job, lane: Lane, now: float) -> Reservation | None:
    """Return what a job reserves under the caps of a lane's account: its price there; None if that has no cap."""
    # The job of another version's model cannot be made.
    is_known = job.request.model in MODELS
    return budget.reservation(lane.caps, estimate.of(job.request, lane.scope).usd, now) if is_known else None


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
    reserved = reservation(job, lane, now)
    if reserved is None:
        return 0
    used = {cap: _counted(cap.owner, reserved.day, int(now // CACHE_SECONDS))[cap.period] for cap in lane.caps}
    short = budget.shortfall(used, reserved.amount, reserved.day)
    return short.resets_at if short else 0


@lru_cache(maxsize=64)
def _counted(owner: str, day: str, _moment: int) -> Mapping[Period, Decimal]:
    return budgets.counted(owner, day)

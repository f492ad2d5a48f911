"""Spending caps per day and month (UTC), for the whole stack, for each client and for accounts. Money is in USD.

A job's estimated cost is reserved when the job is recorded, or for an account when the job gets a slot of it. It is
replaced by the actual cost when the job ends.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING, Any

from gallop.domain.frozen import frozen
from gallop.domain.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal


STACK = "ALL"
# Before the name of an account.
_ACCOUNT = "ACCOUNT#"
# How long a parked job waits for the jobs before it, after the day or month for which it waited has begun.
PATIENCE_SECONDS = 3 * 86_400


class Period(StrEnum):
    """The period of a cap."""

    DAY = "day"
    MONTH = "month"


_ADJECTIVES = {Period.DAY: "daily", Period.MONTH: "monthly"}


@frozen
class Cap:
    """The maximum cost, per day or per month, of all jobs of an owner: the stack, a client or an account."""

    owner: str
    period: Period
    usd: Decimal


@frozen
class Reservation:
    """The amount that a job reserves in its owners' budgets, and the day (``2026-11-27``) on which it was reserved.

    ``charged`` is the actual cost, once it is settled.
    """

    day: str
    amount: Decimal
    owners: tuple[str, ...]
    charged: Decimal | None = None


@frozen
class Parked:
    """Why a job waits for a budget, and until when (seconds since the epoch) none is available."""

    reason: str
    until: float


@frozen
class BudgetUse:
    """What an owner has reserved or spent in a period, in USD; None if that was not summed.

    ``cap`` is None where none applies. ``resets_at`` is in seconds since the epoch.
    """

    owner: str
    period: Period
    used: Decimal | None
    cap: Decimal | None
    resets_at: float

    def view(self) -> dict[str, Any]:
        """Return it as a JSON object, with what is left of the cap."""
        left = None if self.cap is None or self.used is None else max(float(self.cap - self.used), 0.0)
        account = {"account": account_of(self.owner)} if account_of(self.owner) else {}
        return {
            "of": kind_of(self.owner),
            **account,
            "period": self.period.value,
            "cap": None if self.cap is None else float(self.cap),
            "used": None if self.used is None else float(self.used),
            "left": left,
            "currency": "USD",
            "resets_at": timestamp(self.resets_at),
        }


@frozen
class Shortfall:
    """A cap that has no room for a job, or for several: the amount reserved or spent, and their estimated cost.

    ``resets_at`` is in seconds since the epoch. ``jobs`` is the number of jobs.
    """

    cap: Cap
    used: Decimal
    estimate: Decimal
    resets_at: float
    jobs: int = 1

    @property
    def is_final(self) -> bool:
        """Whether the job alone exceeds the cap, so that waiting does not help."""
        return self.estimate > self.cap.usd

    def seconds_left(self, now: float) -> int | None:
        """Return the whole seconds until the cap resets; None if waiting does not help."""
        return None if self.is_final else max(1, ceil(self.resets_at - now))

    @property
    def message(self) -> str:
        """The shortfall as readable text, with its amounts."""
        cap = f"The {kind_of(self.cap.owner)}'s {_ADJECTIVES[self.cap.period]} cap is {_usd(self.cap.usd)}"
        if self.is_final:
            alone = "this job alone is" if self.jobs == 1 else f"these {self.jobs} jobs alone are"
            return f"{cap}, but {alone} estimated at {_usd(self.estimate)}."
        used = f"{_usd(self.used)} is reserved or spent"
        reset = f"The cap resets at {timestamp(self.resets_at)}."
        these = "this job is" if self.jobs == 1 else f"these {self.jobs} jobs are"
        return f"{cap}: {used}, and {these} estimated at {_usd(self.estimate)}. {reset}"

    def view(self) -> dict[str, Any]:
        """Return its amounts as a JSON object."""
        return {
            "of": kind_of(self.cap.owner),
            "period": self.cap.period.value,
            "cap": float(self.cap.usd),
            "used": float(self.used),
            "estimated_cost": float(self.estimate),
            "currency": "USD",
            "resets_at": timestamp(self.resets_at),
        }


def caps(client: str, stack: Mapping[Period, Decimal], each: Mapping[Period, Decimal]) -> tuple[Cap, ...]:
    """Return the caps that apply to a client's jobs; an amount of 0 means that there is no cap."""
    owners = ((STACK, stack), (f"CLIENT#{client}", each))
    return tuple(Cap(owner, period, usd) for owner, amounts in owners for period, usd in amounts.items() if usd)


def caps_of_account(account: str, amounts: Mapping[Period, Decimal | None]) -> tuple[Cap, ...]:
    """Return the caps that apply to the jobs of an account."""
    return tuple(Cap(_ACCOUNT + account, period, usd) for period, usd in amounts.items() if usd)


def account_of(owner: str) -> str:
    """Return the account whose budget it is; empty for those of the stack and of clients."""
    return owner.removeprefix(_ACCOUNT) if owner.startswith(_ACCOUNT) else ""


def kind_of(owner: str) -> str:
    """Return what the owner of a budget is: ``stack``, ``client`` or ``account``."""
    if account_of(owner):
        return "account"
    return "stack" if owner == STACK else "client"


def day_of(now: float) -> str:
    """Return the day (``2026-11-27``, UTC) of a time in seconds since the epoch."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def month_of(day: str) -> str:
    """Return the month (``2026-11``) of a day."""
    return day[:7]


def start_of_month(day: str) -> float:
    """Return when the month of a day began, in seconds since the epoch."""
    return datetime.combine(date.fromisoformat(f"{month_of(day)}-01"), time(tzinfo=UTC)).timestamp()


def use(owner: str, period: Period, day: str, used: Decimal | None, cap: Decimal | None) -> BudgetUse:
    """Return how far an owner's budget is used in the period of a day."""
    return BudgetUse(owner, period, used, cap, _reset(period, day))


def reservation(caps: Iterable[Cap], estimate: Decimal, now: float) -> Reservation | None:
    """Return the reservation of a new job; None if there is no cap."""
    owners = tuple(dict.fromkeys(cap.owner for cap in caps))
    return Reservation(day_of(now), estimate, owners) if owners else None


def shortfall(used: Mapping[Cap, Decimal], estimate: Decimal, day: str) -> Shortfall | None:
    """Return the cap that has no room for an estimate, else None; of several, the one that resets last."""
    exceeded = [cap for cap, spent in used.items() if spent + estimate > cap.usd]
    shortfalls = [Shortfall(cap, used[cap], estimate, _reset(cap.period, day)) for cap in exceeded]
    return max(shortfalls, key=lambda shortfall: (shortfall.is_final, shortfall.resets_at), default=None)


def _reset(period: Period, day: str) -> float:
    following = date.fromisoformat(day) + timedelta(days=1)
    while period is Period.MONTH and following.day > 1:
        following += timedelta(days=1)
    return datetime.combine(following, time(tzinfo=UTC)).timestamp()


def _usd(amount: Decimal) -> str:
    return f"${amount:,.2f}" if amount == round(amount, 2) else f"${amount.normalize():,f}"

"""What may be spent: caps for a day and a month (UTC), on the whole stack and on each client. Money is in USD.

A job's estimate is reserved when the job is recorded. At its end the reservation gives way to what the job cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING, Any

from gallop.domain.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal


STACK = "ALL"
# After the day or month that it waited for has begun, a parked job waits so long for those before it.
PATIENCE_SECONDS = 3 * 86_400


class Period(StrEnum):
    """What a cap is for."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Cap:
    """How much all jobs of an owner, the stack or a client, may cost in a day or in a month."""

    owner: str
    period: Period
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a job holds of its owners' budgets, on the day (``2026-11-27``) on which it was reserved.

    ``charged`` is what it came to, once that is settled.
    """

    day: str
    amount: Decimal
    owners: tuple[str, ...]
    charged: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """Why a job waits for money, and from when on (seconds since the epoch) there is some again."""

    reason: str
    until: float


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A cap that has no room for a job: what is reserved or spent of it, and what the job is estimated at."""

    cap: Cap
    used: Decimal
    estimate: Decimal
    resets_at: float

    @property
    def is_final(self) -> bool:
        """Tell whether the job alone is over the cap, so that no waiting helps."""
        return self.estimate > self.cap.usd

    def seconds_left(self, now: float) -> int | None:
        """Give the seconds until the cap begins anew; None where no waiting helps."""
        return None if self.is_final else max(1, ceil(self.resets_at - now))

    @property
    def message(self) -> str:
        """Say it, with its numbers."""
        whose = "stack" if self.cap.owner == STACK else "client"
        cap = f"The {whose}'s {self.cap.period} cap is {_usd(self.cap.usd)}"
        if self.is_final:
            return f"{cap}, and this job alone is estimated at {_usd(self.estimate)}."
        used = f"{_usd(self.used)} of it are reserved or spent"
        again = f"It begins anew at {timestamp(self.resets_at)}."
        return f"{cap}: {used}, and this job is estimated at {_usd(self.estimate)}. {again}"

    def view(self) -> dict[str, Any]:
        """Show its numbers to a program."""
        return {
            "of": "stack" if self.cap.owner == STACK else "client",
            "period": self.cap.period.value,
            "cap": float(self.cap.usd),
            "used": float(self.used),
            "estimated_cost": float(self.estimate),
            "currency": "USD",
            "resets_at": timestamp(self.resets_at),
        }


def caps(client: str, stack: Mapping[Period, Decimal], each: Mapping[Period, Decimal]) -> tuple[Cap, ...]:
    """Give the caps that a client's jobs stand under; an amount of 0 is no cap."""
    owners = ((STACK, stack), (f"CLIENT#{client}", each))
    return tuple(Cap(owner, period, usd) for owner, amounts in owners for period, usd in amounts.items() if usd)


def day_of(now: float) -> str:
    """Name the day of a moment."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def month_of(day: str) -> str:
    """Name the month of a day."""
    return day[:7]


def reservation(caps: Iterable[Cap], estimate: Decimal, now: float) -> Reservation | None:
    """Give what a new job is to reserve; nothing where there is no cap."""
    owners = tuple(dict.fromkeys(cap.owner for cap in caps))
    return Reservation(day_of(now), estimate, owners) if owners else None


def shortfall(used: Mapping[Cap, Decimal], estimate: Decimal, day: str) -> Shortfall | None:
    """Find the cap that has no room for an estimate; of several, the one that will have none for the longest time."""
    short = [Shortfall(cap, spent, estimate, _reset(cap.period, day)) for cap, spent in used.items()]
    found = [one for one in short if one.used + one.estimate > one.cap.usd]
    return max(found, key=lambda one: (one.is_final, one.resets_at), default=None)


def _reset(period: Period, day: str) -> float:
    following = date.fromisoformat(day) + timedelta(days=1)
    while period is Period.MONTH and following.day > 1:
        following += timedelta(days=1)
    return datetime.combine(following, time(tzinfo=UTC)).timestamp()


def _usd(amount: Decimal) -> str:
    return f"${amount:.2f}" if amount == round(amount, 2) else f"${amount.normalize():f}"

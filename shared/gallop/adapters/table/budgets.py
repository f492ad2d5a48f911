"""What is reserved and spent, in the table: one item per month and owner, only for owners that have a cap.

An owner's day and month are in one item, so that one condition covers both. The jobs of an owner write to the same
item, one after the other.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import dynamo
from gallop.domain import budget
from gallop.domain.budget import Cap, Period, Reservation, Shortfall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

# For looking back over a year.
KEPT_SECONDS = 400 * 86_400


def caps_of(client: str) -> tuple[Cap, ...]:
    """Return the caps that apply to a client's jobs."""
    stack = {Period.DAY: settings.day_cap(), Period.MONTH: settings.month_cap()}
    each = {Period.DAY: settings.client_day_cap(), Period.MONTH: settings.client_month_cap()}
    return budget.caps(client, stack, each)


def reserving(caps: Sequence[Cap], reservation: Reservation | None, now: float) -> list[TransactWriteItemTypeDef]:
    """Build the writes that reserve, each on the condition that its owner's caps have room."""
    if reservation is None:
        return []
    return [
        _reserving(owner, reservation, [cap for cap in caps if cap.owner == owner], now) for owner in reservation.owners
    ]


def settling(reservation: Reservation, charged: Decimal) -> list[TransactWriteItemTypeDef]:
    """Build the writes that replace the reserved amount with the charged one, on the day of the reservation."""
    difference = charged - reservation.amount
    if not difference:
        return []
    adding = (_adding(owner, reservation.day, "", {":amount": difference}) for owner in reservation.owners)
    return [{"Update": update} for update in adding]


def shortfall(caps: Sequence[Cap], estimate: Decimal, now: float) -> Shortfall | None:
    """Return a cap that has no room for an estimate now; None if all have."""
    day = budget.day_of(now)
    return budget.shortfall(used(caps, day), estimate, day)


@aws.guarded
def counted(owner: str, day: str) -> dict[Period, Decimal]:
    """Return what an owner that has a cap has reserved or spent on a day, and in its month."""
    item = dynamo.get(_key(owner, day)) or {}
    return {period: Decimal(item.get(_total(period, day), 0)) for period in Period}


@aws.guarded
def used(caps: Sequence[Cap], day: str) -> dict[Cap, Decimal]:
    """Return what is reserved or spent under each cap on a day, and in its month."""
    by_owner = {owner: counted(owner, day) for owner in dict.fromkeys(cap.owner for cap in caps)}
    return {cap: by_owner[cap.owner][cap.period] for cap in caps}


def _reserving(owner: str, reservation: Reservation, caps: Sequence[Cap], now: float) -> TransactWriteItemTypeDef:
    values: dict[str, Any] = {":amount": reservation.amount, ":expires_at": int(now) + KEPT_SECONDS}
    conditions = []
    for cap in caps:
        room = cap.usd - reservation.amount
        values[f":{cap.period}"] = room
        # Where nothing is reserved yet, the amount must fit under the cap itself.
        or_new = f" OR attribute_not_exists(#{cap.period})" if room >= 0 else ""
        conditions.append(f"(#{cap.period} <= :{cap.period}{or_new})")
    expiry = "SET expires_at = if_not_exists(expires_at, :expires_at)"
    update = _adding(owner, reservation.day, expiry, values)
    return {"Update": {**update, "ConditionExpression": " AND ".join(conditions)}}


def _adding(owner: str, day: str, besides: str, values: dict[str, Any]) -> UpdateTypeDef:
    return {
        "TableName": settings.job_table(),
        "Key": dynamo.pack(_key(owner, day)),
        "UpdateExpression": f"ADD #day :amount, #month :amount {besides}".strip(),
        "ExpressionAttributeNames": {f"#{period}": _total(period, day) for period in Period},
        "ExpressionAttributeValues": dynamo.pack(values),
    }


def _total(period: Period, day: str) -> str:
    return "month" if period is Period.MONTH else f"day_{day[-2:]}"


def _key(owner: str, day: str) -> dict[str, str]:
    return {"pk": f"BUDGET#{owner}", "sk": budget.month_of(day)}

"""DashScope's list prices per second of video, by scope; ``gallop.domain.models`` has them with their models."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from gallop.domain.frozen import frozen
from gallop.domain.regions import region_of

if TYPE_CHECKING:
    from collections.abc import Iterable


class Scope(StrEnum):
    """A part of DashScope with prices of its own."""

    INTERNATIONAL = "International"
    MAINLAND = "mainland China, Global"


@frozen
class Price:
    """A list price in USD per billed second of video."""

    scope: Scope
    resolution: str
    usd: Decimal
    seen: date
    source: str


_SEEN = date(2026, 11, 30)
_SOURCE = "LiteLLM 1.110.2, from Alibaba's model pages"


def _of(rows: Iterable[tuple[Scope, str, str]]) -> tuple[Price, ...]:
    return tuple(Price(scope, resolution, Decimal(usd), _SEEN, _SOURCE) for scope, resolution, usd in rows)


# Input images are free.
HAPPYHORSE_1_0 = _of(
    (
        (Scope.INTERNATIONAL, "720P", "0.14"),
        (Scope.INTERNATIONAL, "1080P", "0.24"),
        (Scope.MAINLAND, "720P", "0.123769"),
        (Scope.MAINLAND, "1080P", "0.220034"),
    )
)
HAPPYHORSE_1_1 = _of(
    (
        (Scope.INTERNATIONAL, "480P", "0.07"),
        (Scope.INTERNATIONAL, "720P", "0.14"),
        (Scope.INTERNATIONAL, "1080P", "0.18"),
        (Scope.MAINLAND, "480P", "0.0618845"),
        (Scope.MAINLAND, "720P", "0.123769"),
        (Scope.MAINLAND, "1080P", "0.165026"),
    )
)
# Of the other regions no prices are known: they count as International, which is higher.
SCOPES = {
    "ap-southeast-1": Scope.INTERNATIONAL,
    "cn-beijing": Scope.MAINLAND,
    "us-east-1": Scope.MAINLAND,
    "eu-central-1": Scope.MAINLAND,
}


def scope_of(base_url: str, price_scope: str = "") -> Scope:
    """Return the scope whose prices an account has: ``price_scope``, or that of the region of ``base_url``.

    A ``price_scope`` of another version is unknown, and counts as none.
    """
    given = next((scope for scope in Scope if scope == price_scope), None)
    return given or SCOPES.get(region_of(base_url), Scope.INTERNATIONAL)


def rounded(usd: Decimal) -> Decimal:
    """Round an amount to a hundredth of a cent, without zeros at its end."""
    return usd.quantize(Decimal("0.0001")).normalize()

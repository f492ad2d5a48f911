"""What a video costs at DashScope: its list prices, applied to seconds of video. The input images are free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from gallop.domain.regions import region_of


class Scope(StrEnum):
    """A part of DashScope with prices of its own."""

    INTERNATIONAL = "International"
    MAINLAND = "mainland China, Global"


@dataclass(frozen=True, slots=True)
class Price:
    """A list price in USD per second of video, for the models whose ids begin with ``family``."""

    scope: Scope
    family: str
    resolution: str
    usd: Decimal
    seen: date
    source: str


_SEEN = date(2026, 11, 30)
_SOURCE = "LiteLLM 1.110.2, from Alibaba's model pages"
PRICES = tuple(
    Price(scope, family, resolution, Decimal(usd), _SEEN, _SOURCE)
    for scope, family, resolution, usd in (
        (Scope.INTERNATIONAL, "happyhorse-1.0", "720P", "0.14"),
        (Scope.INTERNATIONAL, "happyhorse-1.0", "1080P", "0.24"),
        (Scope.INTERNATIONAL, "happyhorse-1.1", "480P", "0.07"),
        (Scope.INTERNATIONAL, "happyhorse-1.1", "720P", "0.14"),
        (Scope.INTERNATIONAL, "happyhorse-1.1", "1080P", "0.18"),
        (Scope.MAINLAND, "happyhorse-1.0", "720P", "0.123769"),
        (Scope.MAINLAND, "happyhorse-1.0", "1080P", "0.220034"),
        (Scope.MAINLAND, "happyhorse-1.1", "480P", "0.0618845"),
        (Scope.MAINLAND, "happyhorse-1.1", "720P", "0.123769"),
        (Scope.MAINLAND, "happyhorse-1.1", "1080P", "0.165026"),
    )
)
# Of the other regions no prices are known: they count as International, which is higher.
SCOPES = {
    "ap-southeast-1": Scope.INTERNATIONAL,
    "cn-beijing": Scope.MAINLAND,
    "us-east-1": Scope.MAINLAND,
    "eu-central-1": Scope.MAINLAND,
}


def scope_of(base_url: str) -> Scope:
    """Return the scope of the DashScope region of ``base_url``."""
    return SCOPES.get(region_of(base_url), Scope.INTERNATIONAL)


def price_of(model: str, resolution: str, scope: Scope) -> Price:
    """Return the list price of a model.

    Raises:
        LookupError: the table has none.

    """
    for price in PRICES:
        if (price.scope, price.resolution) == (scope, resolution) and model.startswith(f"{price.family}-"):
            return price
    raise LookupError(f"No price of {model} at {resolution}, {scope}.")


def cost_usd(model: str, resolution: str, seconds: float, base_url: str) -> Decimal:
    """Return the list price, in USD, of ``seconds`` of video in the DashScope region of ``base_url``."""
    price = price_of(model, resolution, scope_of(base_url))
    return (price.usd * Decimal(str(seconds))).quantize(Decimal("0.0001")).normalize()

"""What a request will cost: its billed seconds at the list price of its model and resolution."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any

from gallop.domain import models, prices
from gallop.domain.fields import Whole
from gallop.domain.frozen import frozen
from gallop.domain.media_rules import ImageRules
from gallop.domain.request import media

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gallop.domain.models import Model
    from gallop.domain.prices import Scope
    from gallop.domain.request.request import VideoRequest


@frozen
class Estimate:
    """The arithmetic of a price: seconds of the result, seconds of input that are billed as well, USD per second.

    ``scope`` is the part of DashScope whose price it is.
    """

    output_seconds: float
    input_seconds: float
    usd_per_second: Decimal
    resolution: str
    scope: str

    @property
    def usd(self) -> Decimal:
        """The price, to a hundredth of a cent."""
        return prices.rounded(self.usd_per_second * (_exact(self.output_seconds) + _exact(self.input_seconds)))

    def view(self) -> dict[str, Any]:
        """Return the arithmetic as a JSON object."""
        seconds = f"{_plain(self.output_seconds)} s"
        if self.input_seconds:
            seconds = f"({_plain(self.input_seconds)} s of input + {seconds} of output)"
        return {
            "input_seconds": self.input_seconds,
            "output_seconds": self.output_seconds,
            "resolution": self.resolution,
            "usd_per_second": float(self.usd_per_second),
            "price_scope": self.scope,
            "formula": f"{seconds} x ${self.usd_per_second} = {_dollars(self.usd)}",
        }


def of(request: VideoRequest, scope: Scope) -> Estimate:
    """Return what a request is expected to cost at the prices of a part of DashScope."""
    model = models.MODELS[request.model]
    usd = model.price(request.resolution, scope)
    return Estimate(output_seconds(request), input_seconds(request), usd, request.resolution, scope.value)


def highest(request: VideoRequest, scopes: Iterable[Scope]) -> Estimate:
    """Return what a request is expected to cost at most, at the prices of one of these parts of DashScope."""
    return max((of(request, scope) for scope in sorted(set(scopes))), key=lambda estimate: estimate.usd)


def cost_usd(request: VideoRequest, resolution: str, seconds: float, scope: Scope) -> Decimal | None:
    """Return the cost of billed ``seconds`` at a resolution; None without a price of that model in this version."""
    try:
        usd = models.MODELS[request.model].price(resolution, scope)
    except LookupError:
        return None
    return prices.rounded(usd * _exact(seconds))


def output_seconds(request: VideoRequest) -> float:
    """Return how long the result will be, in seconds; the maximum, where the model decides."""
    model = models.MODELS.get(request.model)
    duration = request.parameters.get("duration")
    if isinstance(duration, int) and duration > 0:
        return float(duration)
    if model and model.follows:
        shortest, longest = model.follows
        return min(max(_seconds_of_clips(request, model), shortest), longest)
    parameter = model and model.parameter("duration")
    return float(parameter.within.stop - 1) if isinstance(parameter, Whole) else 0.0


def output_range(request: VideoRequest) -> tuple[float, float] | None:
    """Return the shortest and the longest length that the result may have; None if the model decides it."""
    duration = request.parameters.get("duration")
    if isinstance(duration, int) and duration < 0:
        return None
    model, longest = models.MODELS.get(request.model), output_seconds(request)
    if model is None or model.follows is None:
        return longest, longest
    billed = [field.name for field in model.media if field.is_billed]
    shown = sum(facts.seconds for name in billed for facts in media.facts_of(request.media, name))
    return min(max(shown, model.follows[0]), longest), longest


def input_seconds(request: VideoRequest) -> float:
    """Return the seconds of input that are billed: all, where that is open (fact sheet §14)."""
    model = models.MODELS.get(request.model)
    return _seconds_of_clips(request, model) if model else 0.0


def _seconds_of_clips(request: VideoRequest, model: Model) -> float:
    """Return the seconds of the input that is billed; what was not measured counts with its limit."""
    seconds = 0.0
    for field in model.media:
        if not field.is_billed or isinstance(field.rules, ImageRules):
            continue
        measured = media.facts_of(request.media, field.name)
        seconds += sum(_rounded_up(facts.longest_seconds) for facts in measured)
        seconds += (len(request.of(field.name)) - len(measured)) * field.rules.max_seconds
    return seconds


def _rounded_up(seconds: float) -> float:
    """Return the hundredths of a second that DashScope may bill of a clip: its usage has two decimals."""
    return float(_exact(seconds).quantize(Decimal("0.01"), ROUND_CEILING))


def _exact(seconds: float) -> Decimal:
    return Decimal(f"{seconds:.3f}")


def _dollars(usd: Decimal) -> str:
    """Write an amount with two decimals, or four if it has them."""
    return f"${usd:.2f}" if usd == round(usd, 2) else f"${usd:.4f}"


def _plain(seconds: float) -> str:
    return f"{seconds:.3f}".rstrip("0").rstrip(".")

"""What a video costs at DashScope: the list prices of ``models``, applied to seconds of video."""

from __future__ import annotations

from decimal import Decimal

from gallop.domain.models import MODELS


def cost_usd(model: str, resolution: str, seconds: float, base_url: str) -> Decimal:
    """Return the list price, in USD, of ``seconds`` of video in the DashScope region of ``base_url``."""
    international = "intl" in base_url or "ap-southeast-1" in base_url or "aliyuncs.com" not in base_url
    prices = MODELS[model].international if international else MODELS[model].elsewhere
    return (prices[resolution] * Decimal(str(seconds))).quantize(Decimal("0.0001")).normalize()

"""Prices and sizes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from gallop.domain import models, prices

SINGAPORE = "https://dashscope-intl.aliyuncs.com/api/v1"
BEIJING = "https://dashscope.aliyuncs.com/api/v1"
WORKSPACE = "https://my-space.ap-southeast-1.maas.aliyuncs.com/api/v1"
LAPTOP = "http://127.0.0.1:8000/api/v1"


@pytest.mark.parametrize(
    ("model", "resolution", "seconds", "base_url", "usd"),
    [
        ("happyhorse-1.0-r2v", "720P", 5, SINGAPORE, "0.7"),
        ("happyhorse-1.0-r2v", "1080P", 15, SINGAPORE, "3.6"),
        ("happyhorse-1.0-r2v", "720P", 5, BEIJING, "0.6005"),
        ("happyhorse-1.0-r2v", "720P", 5, WORKSPACE, "0.7"),
        ("happyhorse-1.0-r2v", "720P", 5, LAPTOP, "0.7"),
        ("happyhorse-1.1-r2v", "480P", 3, SINGAPORE, "0.21"),
        ("happyhorse-1.1-r2v", "720P", 13.24, BEIJING, "1.5901"),
    ],
)
def test_prices_are_those_of_the_price_list(
    model: str, resolution: str, seconds: float, base_url: str, usd: str
) -> None:
    """They are in USD per second of video, by model, resolution and region, to a hundredth of a cent."""
    assert Decimal(usd) == prices.cost_usd(model, resolution, seconds, base_url)


@pytest.mark.parametrize("model", models.MODELS.values(), ids=lambda model: model.id)
def test_every_resolution_has_both_prices(model: models.Model) -> None:
    """Every allowed request has a price."""
    assert model.international.keys() == model.elsewhere.keys()
    assert models.DEFAULT_RESOLUTION in model.resolutions


@pytest.mark.parametrize(
    ("resolution", "ratio", "size"),
    [
        ("720P", "16:9", "1280x720"),
        ("1080P", "9:16", "1080x1920"),
        ("720P", "1:1", "720x720"),
        ("720P", "4:5", "720x900"),
        ("480P", "16:9", "854x480"),
        ("720P", "21:9", "1680x720"),
    ],
)
def test_sizes_are_even_and_have_the_nominal_short_side(resolution: str, ratio: str, size: str) -> None:
    """They have the format of OpenAI's clients."""
    assert size == models.size(resolution, ratio)

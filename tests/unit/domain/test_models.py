"""Prices and sizes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from gallop.domain import models, prices, regions
from gallop.domain.prices import Scope
from gallop.domain.request import estimate

from fake_dashscope import catalogue
from tests.support.jobs import a_request

SINGAPORE = "https://dashscope-intl.aliyuncs.com/api/v1"
BEIJING = "https://dashscope.aliyuncs.com/api/v1"
WORKSPACE = "https://my-space.ap-southeast-1.maas.aliyuncs.com/api/v1"
LAPTOP = "http://127.0.0.1:8000/api/v1"


@pytest.mark.parametrize(
    ("model", "resolution", "seconds", "base_url", "usd"),
    [
        ("happyhorse-1.0-r2v", "720P", 5, SINGAPORE, "0.7"),
        ("happyhorse-1.0-r2v", "1080P", 15, SINGAPORE, "3.6"),
        ("happyhorse-1.0-r2v", "720P", 5, BEIJING, "0.6188"),
        ("happyhorse-1.0-r2v", "720P", 5, WORKSPACE, "0.7"),
        ("happyhorse-1.0-r2v", "720P", 5, LAPTOP, "0.7"),
        ("happyhorse-1.1-r2v", "480P", 3, SINGAPORE, "0.21"),
        ("happyhorse-1.1-r2v", "720P", 13.24, BEIJING, "1.6387"),
        ("happyhorse-1.1-r2v", "1080P", 5, SINGAPORE, "0.9"),
        ("happyhorse-1.1-r2v", "1080P", 15, BEIJING, "2.4754"),
        ("happyhorse-1.0-r2v", "1080P", 5, BEIJING, "1.1002"),
    ],
)
def test_prices_are_those_of_the_price_list(
    model: str, resolution: str, seconds: float, base_url: str, usd: str
) -> None:
    """They are in USD per second of video, by model, resolution and region, to a hundredth of a cent."""
    assert Decimal(usd) == estimate.cost_usd(a_request(model=model), resolution, seconds, prices.scope_of(base_url))


@pytest.mark.parametrize(
    ("host", "region", "scope"),
    [
        ("dashscope-intl.aliyuncs.com", "ap-southeast-1", Scope.INTERNATIONAL),
        ("my-space.ap-southeast-1.maas.aliyuncs.com", "ap-southeast-1", Scope.INTERNATIONAL),
        ("trial.ap-southeast-1.maas.aliyuncs.com", "ap-southeast-1", Scope.INTERNATIONAL),
        ("DashScope.AliyunCS.com:443", "cn-beijing", Scope.MAINLAND),
        ("llm-1a2b.cn-beijing.maas.aliyuncs.com", "cn-beijing", Scope.MAINLAND),
        ("vpc-cn-beijing.dashscope.aliyuncs.com", "cn-beijing", Scope.MAINLAND),
        ("dashscope-us.aliyuncs.com", "us-east-1", Scope.MAINLAND),
        ("llm-1a2b.us-east-1.maas.aliyuncs.com", "us-east-1", Scope.MAINLAND),
        ("llm-1a2b.eu-central-1.maas.aliyuncs.com", "eu-central-1", Scope.MAINLAND),
        ("llm-1a2b.ap-northeast-1.maas.aliyuncs.com", "ap-northeast-1", Scope.INTERNATIONAL),
        ("cn-hongkong.dashscope.aliyuncs.com", "cn-hongkong", Scope.INTERNATIONAL),
        ("127.0.0.1:8000", "local", Scope.INTERNATIONAL),
        ("proxy.example.com", "proxy.example.com", Scope.INTERNATIONAL),
        ("dashscope.aliyuncs.com.example.com", "dashscope.aliyuncs.com.example.com", Scope.INTERNATIONAL),
        ("[broken", "https://[broken/api/v1", Scope.INTERNATIONAL),
    ],
)
def test_a_host_belongs_to_a_region_which_has_a_scope(host: str, region: str, scope: Scope) -> None:
    """The shared and the workspace host of a region are aliases; unknown hosts and regions have the higher prices."""
    base_url = f"https://{host}/api/v1"
    assert region == regions.region_of(base_url)
    assert scope is prices.scope_of(base_url)


@pytest.mark.parametrize("region", ["ap-southeast-1", "cn-beijing", "us-east-1", "eu-central-1", "ap-northeast-1"])
def test_the_fake_charges_the_prices_of_the_table(region: str) -> None:
    """A test that adds up what the fake has charged proves what DashScope would charge."""
    base_url = f"https://space.{region}.maas.aliyuncs.com/api/v1"
    ours = {
        (model.id, resolution): float(model.price(resolution, prices.scope_of(base_url)))
        for model in models.MODELS.values()
        for resolution in model.choices("resolution")
    }
    charged = {
        (model, resolution): catalogue.price(catalogue.MODELS[model], resolution, region) for model, resolution in ours
    }
    assert ours == charged


def test_every_price_is_there_once() -> None:
    """Every allowed request has one price."""
    for model in models.MODELS.values():
        expected = [(scope, resolution) for scope in Scope for resolution in model.choices("resolution")]
        assert sorted(expected) == sorted((price.scope, price.resolution) for price in model.prices)
    with pytest.raises(LookupError):
        models.MODELS["happyhorse-1.0-r2v"].price("480P", Scope.INTERNATIONAL)


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

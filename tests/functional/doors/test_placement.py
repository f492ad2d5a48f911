"""Where a job may run: a request says it at every door, and the client's key says it of all requests."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import secrets
from gallop.domain import models
from gallop.domain.placement import Placement
from gallop.services import lane_list

from fake_dashscope import KEY
from tests.support.agents import Agent
from tests.support.dashscope import Vendor
from tests.support.http import Client
from tests.support.orders import DOORS, order_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.promise import Simulation
    from tests.support.website import Website

TEXT = {"prompt": "A cat runs.", "model": "happyhorse-1.0-t2v"}
EU = {"account": "two", "tags": {"region": "eu"}}
ORDER = {"model": TEXT["model"], "input": {"prompt": TEXT["prompt"]}}
HOST = "https://llm-two.eu-central-1.maas.aliyuncs.com/api/v1"
SECRET = {"accounts": {"default": {"key": KEY}, "two": {"key": "sk-two", "base_url": HOST, "tags": {"region": "eu"}}}}


@pytest.fixture(autouse=True)
def _accounts(gallop: Simulation) -> Iterator[None]:
    """Give the stack an account in the EU beside its default one."""
    del gallop
    with patch.object(secrets, "dashscope_key", lambda _: json.dumps(SECRET)):
        lane_list.publish("the-secret")
        yield


def placements(gallop: Simulation) -> list[str]:
    """Return where the jobs may run."""
    return [job.request.placement.text for job in gallop.jobs()]


@pytest.mark.parametrize("door", DOORS)
def test_a_request_says_it_at_every_door(gallop: Simulation, website: Website, door: str) -> None:
    """It is recorded with the request, and clients are shown it."""
    order = order_of(models.MODELS[TEXT["model"]])
    DOORS[door](replace(order, fields={**order.fields, **EU}), gallop, website)
    gallop.run_for(60)
    (job,) = gallop.jobs()
    assert Placement("two", {"region": "eu"}) == job.request.placement
    view = Client(gallop, "operator", is_admin=True).get(f"/v1/videos/{job.id}").json
    assert EU == view["placement"]
    assert EU == gallop.receipt(f"{job.receipts}/status.json")["placement"]


def test_a_form_may_name_each_tag(gallop: Simulation) -> None:
    """As it does with metadata."""
    assert 202 == Client(gallop).post_form({**TEXT, "tags[region]": "eu"}).status
    assert ["region=eu"] == placements(gallop)


def test_a_key_says_it_of_all_its_requests(gallop: Simulation) -> None:
    """In each protocol; what a request asks for besides must be true as well."""
    bound: dict[str, Any] = {"bound": "region=eu"}
    Client(gallop, **bound).post({**TEXT, "seed": 1})
    Client(gallop, **bound).post({**TEXT, "seed": 2, "account": "two"})
    Vendor(gallop, **bound).submit(ORDER)
    Agent(gallop, **bound).use("make_video", **TEXT, seed=3)
    assert ["account=two,region=eu", "region=eu", "region=eu", "region=eu"] == sorted(placements(gallop))


def test_a_request_cannot_leave_where_its_key_is_bound(gallop: Simulation) -> None:
    """In no protocol, and not for a price either: it is refused with what applies, and makes nothing."""
    bound: dict[str, Any] = {"bound": "region=eu"}
    elsewhere = {"tags": {"region": "us"}}
    for fields in ({}, {"dry_run": True}):
        assert ["/tags/region"] == [*Client(gallop, **bound).post({**TEXT, **elsewhere, **fields}).faults]
    refused = Vendor(gallop, **bound).submit({**ORDER, "parameters": elsewhere})
    assert "InvalidParameter" == refused.json["code"]
    assert "/parameters/tags" in refused.json["message"]
    for tool in ("price_video", "make_video"):
        assert "placement_refused" == Agent(gallop, **bound).refused(tool, **TEXT, **elsewhere)["code"]
    assert [] == gallop.jobs()


def test_a_repeated_create_is_the_same_job_under_another_key(gallop: Simulation) -> None:
    """A client replaces its key by a bound one: what it repeats then is what it had sent, and not another request."""
    first = Client(gallop).post({**TEXT}, idempotency_key="1")
    again = Client(gallop, bound="region=eu").post({**TEXT}, idempotency_key="1")
    assert "true" == again.headers["Idempotent-Replay"]
    assert first.json["id"] == again.json["id"]
    assert [""] == placements(gallop)


def test_usage_shows_where_a_key_is_bound(gallop: Simulation) -> None:
    """A client can see why its requests do not run elsewhere."""
    usage = Client(gallop, bound="account=two,region=eu").get("/v1/usage").json
    assert EU == usage["placement"]
    assert Client(gallop).get("/v1/usage").json["placement"] is None

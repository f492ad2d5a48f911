"""Where a job may run: a request says it at every door, and the client's key says it of all requests."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import secrets
from gallop.domain import models
from gallop.domain.placement import Placement
from gallop.domain.prices import Scope
from gallop.services import lane_list

from fake_dashscope import KEY, Account, FakeDashScope, Limits, Switches, render
from fake_dashscope.clock import ManualClock
from tests.support.agents import Agent
from tests.support.dashscope import Vendor
from tests.support.films import film
from tests.support.http import Client
from tests.support.orders import DOORS, order_of
from tests.support.promise import fresh

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.promise import Simulation
    from tests.support.website import Website

TEXT = {"prompt": "A cat runs.", "model": "happyhorse-1.0-t2v"}
EU: dict[str, Any] = {"account": "two", "tags": {"region": "eu"}}
ELSEWHERE: dict[str, Any] = {"tags": {"region": "us"}}
THERE = {"account": "two", "region": "eu-central-1", "price_scope": Scope.MAINLAND.value}
ORDER = {"model": TEXT["model"], "input": {"prompt": TEXT["prompt"]}}
HOST = "https://llm-two.eu-central-1.maas.aliyuncs.com/api/v1"
HOUR = 3600


def of_account(name: str) -> str:
    """Return the key of an account."""
    return KEY if name == "default" else f"sk-{name}"


@pytest.fixture
def gallop(website: Website) -> Iterator[Simulation]:
    """Give a Gallop with an account in the EU beside its default one."""
    accounts = (Account("default"), Account("two", (of_account("two"),), "eu-central-1"))
    switches = Switches(task_seconds=60.0, render_ahead=False, audio=False, fetch="all")
    fake = FakeDashScope(ManualClock(), accounts, limits=Limits.none(), switches=switches, get=website.download)
    with patch.object(render, "render", rendered), fresh(fake=fake) as made, accounts_are({"region": "eu"}):
        yield made


def rendered(_script: object, path: Path, *_: object) -> None:
    """Make every video the same one."""
    path.write_bytes(film())


@contextmanager
def accounts_are(tags: dict[str, str]) -> Iterator[None]:
    """Give the second account these tags."""
    two: dict[str, Any] = {"key": of_account("two"), "base_url": HOST, **({"tags": tags} if tags else {})}
    secret = json.dumps({"accounts": {"default": {"key": KEY}, "two": two}})
    with patch.object(secrets, "dashscope_key", lambda _: secret):
        lane_list.publish("the-secret")
        lane_list.clear_cache()
        yield


def placements(gallop: Simulation) -> list[str]:
    """Return where the jobs may run."""
    return [job.request.placement.text for job in gallop.jobs()]


def accounts_used(gallop: Simulation) -> Counter[str]:
    """Count DashScope's tasks by account, after all jobs have succeeded with one each."""
    gallop.run_for(HOUR)
    assert {"succeeded"} == {job.state.value for job in gallop.jobs()}
    assert len(gallop.jobs()) == len(gallop.tasks())
    return Counter(task["account"] for task in gallop.tasks())


@pytest.mark.parametrize("door", DOORS)
def test_a_request_says_it_at_every_door(gallop: Simulation, website: Website, door: str) -> None:
    """It is recorded with the request, the video is made there, and everybody is shown both."""
    order = order_of(models.MODELS[TEXT["model"]])
    DOORS[door](replace(order, fields={**order.fields, **EU}), gallop, website)
    assert {"two": 1} == accounts_used(gallop)
    (job,) = gallop.jobs()
    assert Placement("two", {"region": "eu"}) == job.request.placement
    view = Client(gallop, "operator", is_admin=True).get(f"/v1/videos/{job.id}").json
    shown = [view, *(gallop.receipt(f"{job.receipts}/{name}.json") for name in ("status", "video"))]
    expected = {**THERE, "placement": EU}
    assert [expected] * 3 == [{name: one[name] for name in expected} for one in shown]


def test_a_form_may_name_each_tag(gallop: Simulation) -> None:
    """As it does with metadata."""
    assert 202 == Client(gallop).post_form({**TEXT, "tags[region]": "eu"}).status
    assert ["region=eu"] == placements(gallop)


def test_a_key_says_it_of_all_its_requests(gallop: Simulation) -> None:
    """In each protocol; what a request asks for besides must be true as well. Other clients use what is free."""
    Client(gallop, bound="region=eu").post({**TEXT, "seed": 1})
    Client(gallop, bound="region=eu").post({**TEXT, "seed": 2, "account": "two"})
    Vendor(gallop, bound="region=eu").submit(ORDER)
    Agent(gallop, bound="region=eu").use("make_video", **TEXT, seed=3)
    assert ["account=two,region=eu", "region=eu", "region=eu", "region=eu"] == sorted(placements(gallop))
    Client(gallop, "bob", bound="account=default").post({**TEXT, "n": 2})
    assert {"two": 4, "default": 2} == accounts_used(gallop)


@pytest.mark.parametrize(("bound", "pointer"), [("", ""), ("region=us", ""), ("region=eu", "/region")])
def test_it_is_refused_in_each_protocol(gallop: Simulation, bound: str, pointer: str) -> None:
    """If no account is there, or the key allows no other place: with a remedy, for prices too, and nothing is made."""
    place = f"/tags{pointer}"
    for fields in ({}, {"dry_run": True}):
        assert [place] == [*Client(gallop, bound=bound).post({**TEXT, **ELSEWHERE, **fields}).faults]
    refused = Vendor(gallop, bound=bound).submit({**ORDER, "parameters": ELSEWHERE})
    assert "InvalidParameter" == refused.json["code"]
    assert "/parameters/tags: " in refused.json["message"]
    for tool in ("price_video", "make_video"):
        assert "placement_refused" == Agent(gallop, bound=bound).refused(tool, **TEXT, **ELSEWHERE)["code"]
    assert [] == gallop.jobs()


def test_a_drop_is_refused_and_starts_when_it_is_corrected(gallop: Simulation, website: Website) -> None:
    """Its receipt names the field; a batch makes its other lines."""
    order = replace(order_of(models.MODELS[TEXT["model"]]), fields={**TEXT, **ELSEWHERE})
    DOORS["folder"](order, gallop, website)
    lines = [{**TEXT, **ELSEWHERE}, {**TEXT, "tags": {"region": "eu"}, "seed": 1}]
    gallop.drop("drop/many/batch.jsonl", "\n".join(map(json.dumps, lines)).encode())
    gallop.run_for(HOUR)
    (fault,) = gallop.receipt("cats/error.json")["faults"]
    assert {"file": "job.json", "pointer": "/tags"}.items() <= fault.items()
    batch = gallop.receipt("many/batch.json")
    assert ["/tags"] == [one["pointer"] for one in batch["faults"]]
    assert {"two": 1} == accounts_used(gallop)
    gallop.drop("drop/cats/job.json", json.dumps({"model": TEXT["model"], **EU}).encode())
    assert {"two": 2} == accounts_used(gallop)


def test_a_known_drop_stays_its_job(gallop: Simulation, website: Website) -> None:
    """The same content again is the same job, even if no account has the tags any more."""
    order = replace(order_of(models.MODELS[TEXT["model"]]), fields={**TEXT, **EU})
    DOORS["folder"](order, gallop, website)
    assert {"two": 1} == accounts_used(gallop)
    with accounts_are({}):
        DOORS["folder"](order, gallop, website)
        assert {"two": 1} == accounts_used(gallop)
    assert "succeeded" == gallop.receipt("cats/status.json")["state"]


@pytest.mark.parametrize("bound", ["", "region=eu", "region=us"])
def test_a_repeated_create_is_the_same_job_under_another_key(gallop: Simulation, bound: str) -> None:
    """A client replaces its key by a bound one: what it repeats then is what it had sent, and not another request."""
    first = Client(gallop).post({**TEXT}, idempotency_key="1")
    again = Client(gallop, bound=bound).post({**TEXT}, idempotency_key="1")
    assert "true" == again.headers["Idempotent-Replay"]
    assert first.json["id"] == again.json["id"]
    assert [""] == placements(gallop)


def test_usage_shows_where_a_key_is_bound(gallop: Simulation) -> None:
    """A client can see why its requests do not run elsewhere."""
    usage = Client(gallop, bound="account=two,region=eu").get("/v1/usage").json
    assert EU == usage["placement"]
    assert Client(gallop).get("/v1/usage").json["placement"] is None

"""The visible watermark: the stack's parameter decides for every door, and may require it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain import models
from gallop.doors.https.openapi import document

from tests.functional.doors.test_models import succeeded, the_task
from tests.support.agents import Agent
from tests.support.dashscope import Vendor
from tests.support.http import Client
from tests.support.orders import DOORS, order_of

if TYPE_CHECKING:
    from tests.support.promise import Simulation
    from tests.support.website import Website

MODEL = models.MODELS["happyhorse-1.0-r2v"]
PLAIN: dict[str, Any] = {"prompt": "A cat.", "model": "happyhorse-1.0-t2v"}
TASK = {"model": "happyhorse-1.0-t2v", "input": {"prompt": "A cat."}}
REFUSED = "must be true: this stack requires it"


def without_watermark(gallop: Simulation, website: Website, door: str) -> dict[str, Any]:
    """Send a request that does not mention the watermark; return the parameters of its task."""
    order = order_of(MODEL)
    fields = {name: value for name, value in order.fields.items() if name != "watermark"}
    DOORS[door](replace(order, fields=fields), gallop, website)
    parameters: dict[str, Any] = the_task(gallop, succeeded(gallop))["parameters"]
    return parameters


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("setting", ["on", "required"])
def test_the_stack_adds_it_at_every_door(
    gallop: Simulation, website: Website, monkeypatch: pytest.MonkeyPatch, setting: str, door: str
) -> None:
    """A request that does not mention it gets it."""
    monkeypatch.setenv("WATERMARK", setting)
    assert without_watermark(gallop, website, door)["watermark"] is True


@pytest.mark.parametrize("door", sorted(DOORS.keys() - {"DashScope"}))
def test_a_stack_adds_none_by_default(gallop: Simulation, website: Website, door: str) -> None:
    """Except in DashScope's protocol, whose clients know it as on."""
    assert without_watermark(gallop, website, door)["watermark"] is False


def test_a_request_may_leave_it_out(gallop: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the stack does not require it."""
    monkeypatch.setenv("WATERMARK", "on")
    assert 202 == Client(gallop).post({**PLAIN, "watermark": False}).status
    assert the_task(gallop, succeeded(gallop))["parameters"]["watermark"] is False


def test_a_required_one_cannot_be_left_out(gallop: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request is refused before it costs anything, with the names of its protocol; true is accepted."""
    monkeypatch.setenv("WATERMARK", "required")
    assert {"/watermark": REFUSED} == Client(gallop).post({**PLAIN, "watermark": False}).faults
    answer = Vendor(gallop).submit({**TASK, "parameters": {"watermark": False}})
    assert f"/parameters/watermark: {REFUSED}" in answer.json["message"]
    assert REFUSED in str(Agent(gallop).use("make_video", **PLAIN, watermark=False).json)
    gallop.drop("drop/cat/job.json", json.dumps({**PLAIN, "watermark": False}).encode())
    gallop.run_for(600)
    assert REFUSED in gallop.receipt("cat/error.json")["error"]["message"]
    assert [] == gallop.jobs()
    assert 202 == Client(gallop).post({**PLAIN, "watermark": True}).status


@pytest.mark.parametrize(
    ("setting", "schema"),
    [
        ("off", {"type": "boolean", "default": False}),
        ("on", {"type": "boolean", "default": True}),
        ("required", {"type": "boolean", "enum": [True], "default": True}),
    ],
)
def test_the_list_of_models_says_it(
    gallop: Simulation, monkeypatch: pytest.MonkeyPatch, setting: str, schema: dict[str, Any]
) -> None:
    """Both the list and each model."""
    monkeypatch.setenv("WATERMARK", setting)
    client = Client(gallop)
    listed = {model["id"]: model for model in client.get("/v1/models").json["data"]}
    for model in (client.get(f"/v1/models/{MODEL.id}").json, *listed.values()):
        shown = model["parameters"]["watermark"]
        assert schema == {name: value for name, value in shown.items() if name != "description"}, model["id"]


def test_a_generated_client_sends_none_on_its_own() -> None:
    """All stacks share a document: a default in it would be sent to a stack that refuses it."""
    native = document("of all stacks")["components"]["schemas"]["VideoRequest"]["properties"]["watermark"]
    assert '"default"' not in json.dumps(native)
    assert "The operator of the stack sets the default" in json.dumps(native)

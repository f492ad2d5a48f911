"""A parameter of a model is written down once: a row that has it is all that readers, records and views need."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain import models
from gallop.domain.fields import Choice, Whole
from gallop.doors.https.openapi import document

from tests.functional.doors.test_models import assert_paid, succeeded
from tests.support.dashscope import Vendor
from tests.support.http import Client
from tests.support.orders import DOORS, order_of
from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    import httpx

    from tests.support.promise import Simulation
    from tests.support.website import Website

MODEL = models.MODELS["happyhorse-1.0-r2v"]
STYLE = Choice(
    name="style", vendor="style_name", choices=("film", "ink"), default="film", description="How the video is drawn."
)
MOTION = Whole(name="motion", vendor="motion_level", within=range(1, 11), default=5, description="How much moves.")
FIELDS, VENDORS = {"style": "ink", "motion": 7}, {"style_name": "ink", "motion_level": 7}


@pytest.fixture(autouse=True)
def sent(gallop: Simulation, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Add both to a row; return the bodies that DashScope gets."""
    monkeypatch.setitem(models.MODELS, MODEL.id, replace(MODEL, parameters=(*MODEL.parameters, STYLE, MOTION)))
    bodies: list[dict[str, Any]] = []
    handle = gallop.fake.handle

    def noted(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            bodies.append(json.loads(request.content))
        return handle(request)

    monkeypatch.setattr(gallop.fake, "handle", noted)
    return bodies


@pytest.mark.parametrize("door", DOORS)
def test_it_reaches_dashscope_through_every_door(
    gallop: Simulation, website: Website, sent: list[dict[str, Any]], door: str
) -> None:
    """From JSON, forms, lines and job.json, through the record, to DashScope's body, the view and the receipt."""
    order = order_of(models.MODELS[MODEL.id])
    DOORS[door](replace(order, fields={**order.fields, **FIELDS}), gallop, website)
    job = succeeded(gallop)
    (body,) = sent
    assert VENDORS.items() <= body["parameters"].items()
    assert FIELDS.items() <= job.request.parameters.items()
    assert FIELDS.items() <= Client(gallop, "operator", is_admin=True).get(f"/v1/videos/{job.id}").json.items()
    prefix = job.result.key.rpartition("/")[0] if job.result else ""
    assert FIELDS.items() <= gallop.receipt(f"{prefix}/video.json")["request"].items()
    assert_paid(gallop, job)


def test_its_default_is_explicit(gallop: Simulation, sent: list[dict[str, Any]]) -> None:
    """DashScope's own defaults never apply."""
    assert 202 == Client(gallop).post({"prompt": "A cat.", "images": [data_uri(picture())]}).status
    gallop.run_for(60)
    assert ("film", 5) == (sent[0]["parameters"]["style_name"], sent[0]["parameters"]["motion_level"])


@pytest.mark.parametrize("protocol", ["native", "DashScope"])
def test_what_it_cannot_be_is_refused(gallop: Simulation, protocol: str) -> None:
    """At its place, in both protocols; and for models without it."""
    wrong = {"style": "oil", "motion": 11}
    images = ["https://example.com/cat.jpg"]
    if protocol == "native":
        found = Client(gallop).post({"prompt": "A cat.", "images": images, **wrong}).faults
        assert 'unknown value "oil"' == found["/style"]
        assert "must be a whole number from 1 to 10, not 11" == found["/motion"]
        without = Client(gallop).post({"prompt": "A cat.", "model": "happyhorse-1.0-t2v", "style": "ink"}).faults
        assert {"/style": f"is not a parameter of happyhorse-1.0-t2v: it exists only for {MODEL.id}"} == without
        return
    media = [{"type": "reference_image", "url": images[0]}]
    parameters = {"style_name": "oil", "motion_level": 11}
    answer = Vendor(gallop).submit(
        {"model": MODEL.id, "input": {"prompt": "A cat.", "media": media}, "parameters": parameters}
    )
    assert '/parameters/style_name: unknown value "oil"' in answer.json["message"]
    assert "/parameters/motion_level: must be a whole number from 1 to 10, not 11" in answer.json["message"]


def test_it_is_described(gallop: Simulation) -> None:
    """In the list of models, and in the OpenAPI document: requests, forms, videos and DashScope's body."""
    shown = Client(gallop).get(f"/v1/models/{MODEL.id}").json["parameters"]
    assert {**STYLE.schema(), "default": "film", "description": STYLE.description} == shown["style"]
    assert {**MOTION.schema(), "default": 5, "description": MOTION.description} == shown["motion"]
    schemas = document("with another field")["components"]["schemas"]
    for name in ("VideoRequest", "VideoForm", "Video"):
        assert {"style", "motion"} <= set(schemas[name]["properties"]), name
    for name in ("VideoRequest", "Video"):
        assert '"enum": ["film", "ink"]' in json.dumps(schemas[name]["properties"]["style"]), name
    assert "style_name" in json.dumps(schemas)

"""A drop and a line of a batch choose the address that is notified of their end, as a request over HTTPS does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from gallop.adapters.table import webhook_endpoints
from gallop.domain.clients import keys, webhooks

from tests.support.pictures import picture
from tests.support.promise.batches import a_line, receipt, work_off
from tests.template.stack import parameter

if TYPE_CHECKING:
    from tests.support.promise import Simulation

QUIET = int(parameter("QuietSeconds"))
HOOK = "https://hooks.example.com"


@pytest.fixture
def endpoint(simulation: Simulation) -> webhooks.Endpoint:
    """Give the S3 door an endpoint, as ``gallop webhooks add s3`` does."""
    made = webhooks.endpoint(keys.S3_DOOR, f"{HOOK}/gallop", (), simulation.clock.now())
    webhook_endpoints.put(made)
    return made


def drop(simulation: Simulation, webhook: object) -> None:
    """Drop a folder that names a webhook."""
    simulation.drop("drop/ad/1.jpg", picture())
    settings = {"prompt": "The woman of [Image 1] smiles.", "duration": 3, "webhook": webhook}
    simulation.drop("drop/ad/job.json", json.dumps(settings).encode())
    simulation.run_for(QUIET + 1)


@pytest.mark.parametrize("webhook", [f"{HOOK}/orders/7?a=1", "/orders/7?a=1"])
def test_a_drop_chooses_its_address(simulation: Simulation, endpoint: webhooks.Endpoint, webhook: str) -> None:
    """At the origin of an endpoint that the operator has added for ``s3``."""
    drop(simulation, webhook)
    (job,) = simulation.jobs()
    assert f"{HOOK}/orders/7?a=1" == job.request.webhook
    assert f"{HOOK}/orders/7?a=1" == webhooks.url_for(endpoint, job)


@pytest.mark.parametrize("webhook", ["https://evil.example.com/", 7, "https://hooks.example.com@evil.example.com/"])
def test_another_address_is_refused(simulation: Simulation, endpoint: webhooks.Endpoint, webhook: object) -> None:
    """With the file, before anything is charged."""
    drop(simulation, webhook)
    assert [] == simulation.jobs()
    (fault,) = simulation.receipt("ad/error.json")["faults"]
    assert "job.json" == fault["file"]
    assert "/webhook" == fault["pointer"]
    assert endpoint.url.startswith(HOOK)
    assert HOOK in fault["remedy"]


def test_without_an_endpoint_the_remedy_is_to_add_one(simulation: Simulation) -> None:
    """Only the operator can."""
    drop(simulation, f"{HOOK}/orders/7")
    (fault,) = simulation.receipt("ad/error.json")["faults"]
    assert "gallop webhooks add" in fault["remedy"]


@pytest.mark.usefixtures("endpoint")
def test_a_line_of_a_batch_chooses_its_address(simulation: Simulation) -> None:
    """Another address is a fault of its line, and does not affect the others."""
    lines = [a_line(seed=1, webhook="/orders/1"), a_line(seed=2, webhook="https://evil.example.com"), a_line(seed=3)]
    work_off(simulation, lines)
    chosen: list[Any] = [job.request.webhook for job in simulation.jobs()]
    assert ["", f"{HOOK}/orders/1"] == sorted(chosen)
    (fault,) = receipt(simulation)["faults"]
    assert (2, "/webhook") == (fault["line"], fault["pointer"])

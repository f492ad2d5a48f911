"""The recipes for programs: the requests of the page, run to the notification of what behaves like n8n and Make."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from gallop.adapters import safe_http
from gallop.adapters.stepfunctions import webhook_workflow
from gallop.adapters.table import webhook_deliveries, webhook_endpoints
from gallop.domain.clients import webhooks

from tests.support.chats import chat, make_answer, make_off_answer, n8n_answer
from tests.support.http import Client

if TYPE_CHECKING:
    from gallop.domain.clients.webhooks import Endpoint

    from tests.workflow.runs import Runs

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
RESUME = "/webhook-waiting/42?signature=a1%2Bb2%3D&flag"


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow calls to receivers on this machine, as on the testbed."""
    monkeypatch.setattr(safe_http, "loopback_allowed", True)


def recipe(name: str) -> str:
    """Return the request of a recipe."""
    (found,) = re.findall(rf"<!-- recipe: {name} -->\n```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def receiving(runs: Runs, url: str) -> Endpoint:
    """Add an endpoint."""
    endpoint = webhooks.endpoint("ada", url, (), runs.sandbox.clock.now())
    with runs.sandbox.stack.acting_as("DeliverFunction"):
        webhook_endpoints.put(endpoint)
    return endpoint


def created(runs: Runs, body: str) -> str:
    """Create a job at the HTTPS door, and return its ID once it has ended."""
    answer = Client(runs.sandbox).post(body)
    assert 202 == answer.status, answer.text
    job = runs.sandbox.job(answer.json["id"])
    assert "succeeded" == job.state
    return job.id


def data_of(shown: str) -> dict[str, Any]:
    """Return the job in what a receiver has got."""
    event = json.loads(shown)
    assert "video.completed" == event["type"]
    data: dict[str, Any] = event["data"]
    return data


def test_a_workflow_of_n8n_is_resumed_once(runs: Runs) -> None:
    """Its address is called as it is, with its signature; a second call is refused, and ends within a day."""
    with chat(n8n_answer(RESUME)) as n8n:
        endpoint = receiving(runs, f"{n8n.url}webhook/gallop")
        job_id = created(runs, recipe("n8n").replace("{{ $execution.resumeUrl }}", n8n.url.rstrip("/") + RESUME))
        (shown,) = n8n.shown
        assert job_id == data_of(shown)["id"]
        assert data_of(shown)["video"]["s3"].endswith("/video.mp4")
        with runs.sandbox.stack.acting_as("DeliverFunction"):
            webhook_workflow.replay(job_id, endpoint.id)
            tries = webhook_deliveries.newest(endpoint.id, 100)
    assert [200, *[409] * 7] == n8n.statuses
    assert tries[0].next_at is None
    assert 1 == len(n8n.shown)


def test_a_scenario_of_make_gets_what_it_needs_to_go_on(runs: Runs) -> None:
    """Its answer is a text, and one is enough."""
    with chat(make_answer) as make:
        receiving(runs, f"{make.url}abc")
        created(runs, recipe("make"))
        (shown,) = make.shown
    assert {"order": 1138} == data_of(shown)["metadata"]
    assert data_of(shown)["video"]["s3"].startswith("s3://")
    assert [200] == make.statuses


def test_a_scenario_of_make_that_is_off_disables_the_endpoint(runs: Runs) -> None:
    """Until somebody enables it again; the page says so."""
    with chat(make_off_answer) as make:
        receiving(runs, f"{make.url}abc")
        created(runs, recipe("make"))
    assert [410] == make.statuses
    with runs.sandbox.stack.acting_as("DeliverFunction"):
        (found,) = webhook_endpoints.of_client("ada")
    assert found.disabled_at
    assert "gallop webhooks enable" in PAGE

"""From the end of a job to its webhooks: the state machine as written, the real handler, and real receivers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import aws as clients
from gallop.adapters import event_bus, safe_http
from gallop.adapters.stepfunctions import webhook_workflow
from gallop.adapters.table import webhook_deliveries, webhook_endpoints
from gallop.domain.clients import webhooks
from gallop.domain.clients.webhooks import Endpoint, Event, Try
from gallop.domain.errors import AwsTrouble
from gallop.domain.job import JobState
from standardwebhooks.webhooks import Webhook

from tests.support.jobs import a_request
from tests.support.receivers import Receiver, receiver
from tests.support.stack import aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job

    from tests.workflow.runs import Runs

PLAN = [0, 5, 300, 1800, 7200, 18_000, 36_000]


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow calls to receivers on this machine, as on the testbed."""
    monkeypatch.setattr(safe_http, "loopback_allowed", True)


@pytest.fixture
def shop() -> Iterator[Receiver]:
    """Yield a receiver."""
    with receiver() as here:
        yield here


def receiving(runs: Runs, url: str, *events: Event) -> Endpoint:
    """Add an endpoint."""
    endpoint = webhooks.endpoint("ada", url, events, runs.sandbox.clock.now())
    with runs.sandbox.stack.acting_as("DeliverFunction"):
        webhook_endpoints.put(endpoint)
    return endpoint


def tries(runs: Runs, endpoint: Endpoint) -> list[Try]:
    """Read the log of deliveries, the oldest first."""
    with runs.sandbox.stack.acting_as("DeliverFunction"):
        return webhook_deliveries.newest(endpoint.id, 100)[::-1]


def deliveries_of(runs: Runs, job: Job) -> list[str]:
    """Return the executions that belong to a job's end."""
    return sorted(name for name in runs.sandbox.executions("WebhookWorkflow") if name.startswith(job.id))


def state_of(runs: Runs, name: str) -> str:
    """Return the status of an execution of the state machine."""
    machine = runs.sandbox.stack.resource("WebhookWorkflow").replace(":stateMachine:", ":execution:")
    return str(aws("stepfunctions").describe_execution(executionArn=f"{machine}:{name}")["status"])


def replay(runs: Runs, job: Job, endpoint: Endpoint) -> None:
    """Notify an endpoint again."""
    with runs.sandbox.stack.acting_as("DeliverFunction"):
        webhook_workflow.replay(job.id, endpoint.id)


def test_the_end_of_a_job_is_sent_once(runs: Runs, shop: Receiver) -> None:
    """There is one signed request with the job's result, and a second run of finish sends no other."""
    endpoint = receiving(runs, shop.url)
    job = runs.run()
    (request,) = shop.received
    read = Webhook(endpoint.secrets[0].value).verify(request.body, request.headers)
    assert "video.completed" == read["type"]
    assert job.id == read["data"]["id"]
    assert "succeeded" == read["data"]["state"]
    assert webhooks.event_id(job.id) == request.headers["webhook-id"]
    runs.sandbox.invoke("FinishFunction", {"job_id": job.id})
    assert 1 == len(shop.received)
    assert [job.id, f"{job.id}-{endpoint.id}"] == deliveries_of(runs, job)
    (made,) = tries(runs, endpoint)
    assert 1 == made.number
    assert 204 == made.status
    assert "" == made.trouble
    assert made.next_at is None


def test_a_receiver_that_is_down_is_tried_on_schedule(runs: Runs, shop: Receiver) -> None:
    """There are seven signed tries in a day, under one id; then the delivery is given up, and no execution fails."""
    endpoint, shop.answers = receiving(runs, shop.url), [500, 404, 302, 429, 503, 500, 500]
    job = runs.run()
    made = tries(runs, endpoint)
    assert [500, 404, 302, 429, 503, 500, 500] == [one.status for one in made]
    assert job.ended_at
    waits = [
        after - before
        for before, after in zip([job.ended_at, *(one.at for one in made)], [one.at for one in made], strict=False)
    ]
    assert all(0.79 * planned - 1 <= wait <= 1.21 * planned + 1 for wait, planned in zip(waits, PLAN, strict=True)), (
        waits
    )
    assert [one.next_at is None for one in made] == [False] * 6 + [True]
    assert 1 == len({request.headers["webhook-id"] for request in shop.received})
    assert "SUCCEEDED" == state_of(runs, f"{job.id}-{endpoint.id}")


def test_a_receiver_that_comes_back_is_notified(runs: Runs, shop: Receiver) -> None:
    """After that no more requests are sent."""
    endpoint, shop.answers = receiving(runs, shop.url), [500, 500, 500, 200]
    runs.run()
    assert [500, 500, 500, 200] == [one.status for one in tries(runs, endpoint)]


def test_a_dead_receiver_delays_no_other(runs: Runs, shop: Receiver) -> None:
    """The job has ended before the first try, and the other endpoint is notified immediately."""
    dead, alive = receiving(runs, "http://127.0.0.1:1/hook"), receiving(runs, shop.url)
    job = runs.run()
    assert JobState.SUCCEEDED is job.state
    assert job.ended_at
    assert job.ended_at <= tries(runs, dead)[0].at
    assert (2, "SUCCEEDED") == (runs.calls()["FinishFunction"], runs.execution(job.id)["status"])
    assert 7 == len(tries(runs, dead))
    assert all("ConnectError" in one.trouble for one in tries(runs, dead))
    assert [204] == [one.status for one in tries(runs, alive)]


def test_gone_disables_the_endpoint(runs: Runs, shop: Receiver) -> None:
    """410 means never again, for this job and all later ones."""
    endpoint, shop.answers = receiving(runs, shop.url), [410]
    runs.run()
    runs.run()
    assert 1 == len(shop.received)
    with runs.sandbox.stack.acting_as("DeliverFunction"):
        (found,) = webhook_endpoints.of_client("ada")
    assert (endpoint.id, "its receiver answered 410 Gone") == (found.id, found.disabled_why)


def test_gone_at_the_address_of_a_job_ends_its_delivery_alone(runs: Runs, shop: Receiver) -> None:
    """An address that a client has chosen says nothing about the operator's endpoint, and is not tried again."""
    endpoint, shop.answers = receiving(runs, shop.url), [410, 204]
    runs.run(request=a_request(webhook=f"{shop.url}/resume?signature=abc"))
    assert [410] == [one.status for one in tries(runs, endpoint)]
    runs.run()
    assert ["/hook/resume?signature=abc", "/hook"] == [request.path for request in shop.received]


def test_only_the_wanted_events_are_sent(runs: Runs, shop: Receiver) -> None:
    """One endpoint wants failures, another one successes."""
    receiving(runs, shop.url, Event.FAILED)
    runs.run()
    assert [] == shop.received
    runs.sandbox.fake.fault(on="task", kind="fail", code="InternalError.Algo", message="no")
    runs.run()
    assert ["video.failed"] == [json.loads(request.body)["type"] for request in shop.received]


def test_a_job_may_name_path_and_query(runs: Runs, shop: Receiver) -> None:
    """They are used at the origin of an endpoint."""
    receiving(runs, shop.url)
    runs.run(request=a_request(webhook=f"{shop.url}/special?order=7"))
    assert ["/hook/special?order=7"] == [request.path for request in shop.received]


def test_a_replay_is_the_same_message_again(runs: Runs, shop: Receiver) -> None:
    """It has the same id and body, so that a receiver can recognise it."""
    endpoint = receiving(runs, shop.url)
    job = runs.run()
    runs.sandbox.clock.advance(86_400)
    replay(runs, job, endpoint)
    first, second = shop.received
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)


def test_a_ping_is_sent_once(runs: Runs, shop: Receiver) -> None:
    """It is signed like any other message, and its result is recorded."""
    endpoint, shop.answers = receiving(runs, shop.url), [500]
    event = {"action": "ping", "client": "ada", "endpoint_id": endpoint.id, "ping_id": "evt_test"}
    answer = runs.sandbox.invoke("DeliverFunction", event)
    assert (500, "") == (answer["status"], answer["trouble"])
    (request,) = shop.received
    assert "ping" == Webhook(endpoint.secrets[0].value).verify(request.body, request.headers)["type"]
    assert [Event.PING] == [one.event for one in tries(runs, endpoint)]


def test_the_delivery_to_a_removed_endpoint_ends(runs: Runs) -> None:
    """It ends at the next try."""
    endpoint = receiving(runs, "http://127.0.0.1:1/hook")
    note = webhook_deliveries.note

    def note_and_remove(made: Try) -> None:
        note(made)
        webhook_endpoints.remove(endpoint)

    with patch.object(webhook_deliveries, "note", note_and_remove):
        job = runs.run()
    assert (1, "SUCCEEDED") == (len(tries(runs, endpoint)), state_of(runs, f"{job.id}-{endpoint.id}"))


def test_the_end_of_a_job_is_an_event_on_the_event_bus(runs: Runs) -> None:
    """It contains the client's view of the job, without the prompt and without a signed address."""
    seen: list[dict[str, Any]] = []

    class Bus:
        def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - as boto3
            seen.extend(Entries)
            return {"FailedEntryCount": 0, "Entries": [{}]}

    with patch.object(clients, "events", Bus):
        job = runs.run()
    (event,) = seen
    detail = json.loads(event["Detail"])
    assert ("gallop", "video.completed") == (event["Source"], event["DetailType"])
    assert job.id == detail["id"]
    assert "ada" == detail["client"]
    assert "https" == detail["door"]
    assert "succeeded" == detail["state"]
    assert detail["video"]["s3"].endswith("/video.mp4")
    assert "smiles" not in event["Detail"]
    assert "X-Amz" not in event["Detail"]


def test_an_event_bus_that_is_unavailable_gets_the_event_later(runs: Runs, shop: Receiver) -> None:
    """AWS errors are retried, long after the job has ended."""
    receiving(runs, shop.url)
    put, left = event_bus.put, [3]

    def away_at_first(*given: Any) -> None:  # noqa: ANN401 - as the bus
        left[0] -= 1
        if left[0] >= 0:
            raise AwsTrouble("no")
        put(*given)

    with patch.object(event_bus, "put", away_at_first):
        job = runs.run()
    assert (JobState.SUCCEEDED, 1) == (job.state, len(shop.received))


def test_a_bug_in_the_delivery_is_a_failed_execution_but_not_a_failed_job(runs: Runs, shop: Receiver) -> None:
    """The failed execution raises the alarm."""
    receiving(runs, shop.url)
    with patch.object(event_bus, "put", side_effect=ZeroDivisionError):
        job = runs.run()
    assert JobState.SUCCEEDED == job.state
    assert "FAILED" == state_of(runs, job.id)
    assert [] == shop.received

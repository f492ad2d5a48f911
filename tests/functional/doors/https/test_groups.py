"""Several videos of one request at the HTTPS door: created, shown, listed, cancelled, deleted and announced."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from gallop.adapters import safe_http
from gallop.adapters.table import webhook_endpoints
from gallop.domain import groups
from gallop.domain.clients import webhooks
from gallop.domain.clients.webhooks import Event
from gallop.domain.job import GroupPlace, JobState
from gallop.domain.request import uploads
from gallop.doors.https.openapi import document
from jsonschema import Draft202012Validator
from openai.types import Video
from standardwebhooks.webhooks import Webhook

from tests.functional.fake_dashscope.sandbox import order
from tests.support.dashscope import Vendor
from tests.support.drops import Door
from tests.support.http import Client
from tests.support.pictures import picture
from tests.support.receivers import Receiver, receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sandbox import Sandbox

WISH: dict[str, Any] = {
    "prompt": "The woman of [Image 1] smiles.",
    "images": ["https://example.com/girl.jpg"],
    "duration": 5,
}
STAINLESS = {"x_stainless_lang": "python", "x_stainless_retry_count": "0"}


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Return a client."""
    return Client(sandbox)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Yield a receiver of webhooks on this machine."""
    monkeypatch.setattr(safe_http, "loopback_allowed", True)
    with receiver() as here:
        yield here


def validate(name: str, value: object) -> None:
    """Hold an answer against its description."""
    Draft202012Validator({"$ref": f"#/components/schemas/{name}", **document("1")}).validate(value)


def a_group(ada: Client, n: int = 3, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Create a group; return its view."""
    answer = ada.post({**WISH, "n": n, **fields})
    assert 202 == answer.status, answer.text
    return answer.json


def ids(group: dict[str, Any]) -> list[str]:
    """Return the ids of jobs that are shown."""
    return [job["id"] for job in group["data"]]


def end(sandbox: Sandbox, job_id: str, state: JobState = JobState.SUCCEEDED) -> None:
    """Record that a job has ended, and that nothing more is written for it."""
    sandbox.clock.advance(1)
    sandbox.dynamodb.update_item(
        TableName=sandbox.table,
        Key={"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "JOB"}},
        UpdateExpression="SET #state = :state, ended_at = :now REMOVE is_open",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":state": {"S": state.value}, ":now": {"N": str(sandbox.clock.now())}},
    )


def test_a_group_is_created(sandbox: Sandbox, ada: Client) -> None:
    """The answer has all jobs with their seeds and places, what they cost together, and where to list them."""
    answer = ada.post({**WISH, "n": 3, "seed": 7})
    group = answer.json
    validate("VideoGroup", group)
    assert 202 == answer.status
    assert {"object": "video.group", "status": "queued", "n": 3}.items() <= group.items()
    assert [7, 8, 9] == [job["seed"] for job in group["data"]]
    assert [{"id": group["id"], "place": place, "size": 3} for place in (1, 2, 3)] == [
        job["group"] for job in group["data"]
    ]
    assert 2.1 == group["estimated_cost"]
    assert f"/v1/videos?group={group['id']}" == answer.headers["Location"]
    assert {"Retry-After", "openai-poll-after-ms"} <= answer.headers.keys()
    assert sorted(ids(group)) == sorted(sandbox.executions()) == sorted(job.id for job in sandbox.jobs())


def test_a_form_makes_a_group(sandbox: Sandbox, ada: Client) -> None:
    """An image that is sent with it is stored once, and used by all."""
    file = ("images", ("girl.jpg", picture(), "image/jpeg"))
    answer = ada.post_form({"prompt": WISH["prompt"], "n": "2"}, [file])
    assert 202 == answer.status, answer.text
    first, second = sandbox.jobs()
    assert first.request.media == second.request.media
    stored = sandbox.s3.list_object_versions(Bucket=sandbox.inbox)["Versions"]
    assert 1 == len(stored)
    for one in (first, second):
        end(sandbox, one.id, JobState.FAILED)
        assert 200 == ada.delete(one.id).status
    assert "Versions" not in sandbox.s3.list_object_versions(Bucket=sandbox.inbox)


def test_the_largest_group_is_one_transaction(sandbox: Sandbox, ada: Client) -> None:
    """Four jobs that each use nine stored images: DynamoDB takes a hundred writes at once."""
    files = [("images", (f"{shade}.jpg", picture(shade=20 * shade), "image/jpeg")) for shade in range(9)]
    answer = ada.post_form({"prompt": "The woman of [Image 9] smiles.", "n": "4"}, files)
    assert 202 == answer.status, answer.text
    assert 1 == sandbox.made["Submit"][0].count("TransactWriteItems")
    assert [9] * 4 == [len(uploads.inputs_of(job.request.sources, "ada")) for job in sandbox.jobs()]


def test_openais_clients_get_the_first_job(ada: Client) -> None:
    """It is a video, as their package reads it, with all jobs of the group under ``data``."""
    answer = ada.post({**WISH, "n": 2}, **STAINLESS)
    video = answer.json
    validate("Video", video)
    assert (202, "video") == (answer.status, video["object"])
    assert 1 == video["group"]["place"]
    assert video["id"] == ids(video)[0]
    assert 2 == len(set(ids(video)))
    parsed = Video.model_validate(video)
    assert ("queued", video["data"]) == (parsed.status, parsed.model_dump()["data"])
    retried = ada.post({**WISH, "n": 2}, **{**STAINLESS, "x_stainless_retry_count": "1"})
    assert ids(video) == ids(retried.json)


def test_dashscopes_clients_make_one_video(sandbox: Sandbox) -> None:
    """Its protocol has no such parameter for these models, and ignores those that it does not have."""
    assert 200 == Vendor(sandbox, "ada").submit({**order(), "parameters": {"n": 3}}).status
    assert 1 == len(sandbox.jobs())


def test_one_video_is_no_group(ada: Client) -> None:
    """``n`` of 1 is the default, also for the idempotency of a request without it."""
    created = ada.post({**WISH, "n": 1}, idempotency_key="k").json
    assert "video" == created["object"]
    assert "group" not in created
    assert created["id"] == ada.post(WISH, idempotency_key="k").json["id"]


def test_a_key_belongs_to_one_number(ada: Client) -> None:
    """A repetition shows the group again; another number is another content."""
    first, again = (ada.post({**WISH, "n": 2}, idempotency_key="k") for _ in range(2))
    assert ids(first.json) == ids(again.json)
    assert "true" == again.headers["Idempotent-Replay"]
    answers = [ada.post({**WISH, **other}, idempotency_key="k").status for other in ({}, {"n": 3}, {"n": 4})]
    assert [422, 422, 422] == answers


def test_a_dry_run_has_the_price_of_all(sandbox: Sandbox, ada: Client) -> None:
    """The arithmetic is that of one."""
    answer = ada.post({**WISH, "n": 4, "dry_run": True})
    validate("Estimate", answer.json)
    assert 200 == answer.status
    assert {"n": 4, "estimated_cost": 2.8}.items() <= answer.json.items()
    assert "5 s x $0.14 = $0.70" == answer.json["estimated_cost_detail"]["formula"]
    assert [] == sandbox.jobs()


@pytest.mark.parametrize("n", [0, 5, "two"])
def test_other_numbers_are_refused(ada: Client, n: object) -> None:
    """The fault names the field."""
    assert ["/n"] == list(ada.post({**WISH, "n": n}).faults)


def test_a_list_can_be_of_a_group(sandbox: Sandbox, ada: Client) -> None:
    """In the order of places, page by page, only for its own client, and with the other filters."""
    ada.post(WISH)
    group = a_group(ada, 4)
    a_group(ada, 2)
    path = f"/v1/videos?group={group['id']}"
    assert ids(group) == ids(ada.get(path).json)
    assert ids(group)[::-1] == ids(ada.get(f"{path}&order=desc").json)
    page = ada.get(f"{path}&limit=3").json
    assert (True, ids(group)[:3]) == (page["has_more"], ids(page))
    assert ids(group)[3:] == ids(ada.get(f"{path}&after={page['last_id']}").json)
    ada.cancel(ids(group)[1])
    assert [ids(group)[1]] == ids(ada.get(f"{path}&status=cancelled").json)
    assert [] == ids(Client(sandbox, "bob").get(path).json)
    assert ids(group) == ids(Client(sandbox, "ops", is_admin=True).get(path).json)
    assert ["/group"] == list(ada.get("/v1/videos?group=grp_1").faults)


def test_the_jobs_around_a_group_are_not_of_it(sandbox: Sandbox, ada: Client) -> None:
    """A job that is alone has an id from which a group's would follow; there is no such group."""
    group_id = groups.places(groups.new_group_id(sandbox.clock.now()), 2)[0].id
    alone = sandbox.put(id=groups.job_id(group_id, 1))
    assert [] == ids(ada.get(f"/v1/videos?group={group_id}").json)
    assert 404 == ada.get(f"/v1/videos/{group_id}").status
    assert 200 == ada.get(f"/v1/videos/{alone.id}").status


def test_a_group_is_shown(sandbox: Sandbox, ada: Client) -> None:
    """With an ETag, and only to its own client."""
    group = a_group(ada, 2)
    path = f"/v1/videos/{group['id']}"
    shown = ada.get(path)
    validate("VideoGroup", shown.json)
    assert ids(group) == ids(shown.json)
    assert 304 == ada.get(path, if_none_match=shown.headers["ETag"]).status
    assert [404] * 2 == [Client(sandbox, "bob").get(path).status, ada.get(f"/v1/videos/grp_{'a' * 26}").status]


def test_a_wait_ends_when_one_job_of_a_group_changes(sandbox: Sandbox, ada: Client) -> None:
    """Until then it lasts as long as it was asked for; a group that has ended is shown at once."""
    group = a_group(ada, 2)
    path, began = f"/v1/videos/{group['id']}", sandbox.clock.now()
    answer = ada.get(path, prefer="wait=5")
    assert "wait=5" == answer.headers["Preference-Applied"]
    assert 5 <= sandbox.clock.now() - began
    for job_id in ids(group):
        end(sandbox, job_id)
    began = sandbox.clock.now()
    assert "completed" == ada.get(path, prefer="wait=5").json["status"]
    assert began == sandbox.clock.now()


def test_a_group_is_cancelled(sandbox: Sandbox, ada: Client) -> None:
    """Each job that can be; the answer has an outcome for each. One alone is cancelled by its own id."""
    group = a_group(ada, 3)
    first, second, third = ids(group)
    end(sandbox, first)
    assert "cancelled" == ada.cancel(second).json["cancel"]["answer"]
    answer = ada.cancel(group["id"])
    validate("CancelledGroup", answer.json)
    outcomes = [job["cancel"]["answer"] for job in answer.json["data"]]
    assert ["already_finished", "already_finished", "cancelled"] == outcomes
    assert ["succeeded", "cancelled", "cancelled"] == [job["state"] for job in answer.json["data"]]
    assert "completed" == answer.json["status"]
    assert JobState.CANCELLED is sandbox.job(third).state
    assert 404 == Client(sandbox, "bob").cancel(group["id"]).status


def test_a_group_is_deleted_once_all_have_ended(sandbox: Sandbox, ada: Client) -> None:
    """Before that the refusal says how many have not, and nothing is deleted."""
    group = a_group(ada, 2)
    end(sandbox, ids(group)[0])
    refused = ada.delete(group["id"])
    assert (409, "not_finished") == (refused.status, refused.json["code"])
    assert "1 of its 2 jobs" in refused.json["detail"]
    assert 2 == len(sandbox.jobs())
    end(sandbox, ids(group)[1], JobState.FAILED)
    answer = ada.delete(group["id"])
    validate("DeletedGroup", answer.json)
    assert (200, []) == (answer.status, sandbox.jobs())
    assert 404 == ada.delete(group["id"]).status


def test_a_deleted_job_leaves_the_others(sandbox: Sandbox, ada: Client) -> None:
    """The group shows how many there were, and those that exist."""
    group = a_group(ada, 3)
    for job_id in ids(group):
        end(sandbox, job_id)
    assert 200 == ada.delete(ids(group)[0]).status
    left = ada.get(f"/v1/videos/{group['id']}").json
    assert (3, ids(group)[1:]) == (left["n"], ids(left))


def announced(sandbox: Sandbox, name: str) -> int:
    """Announce an end as its execution would; return the number of deliveries."""
    found: dict[str, int] = sandbox.invoke("DeliverFunction", {"action": "announce", "job_id": name})
    return found["deliveries"]


def receiving(sandbox: Sandbox, url: str, *events: Event) -> webhooks.Endpoint:
    """Add an endpoint."""
    endpoint = webhooks.endpoint("ada", url, events, sandbox.clock.now())
    with sandbox.stack.acting_as("DeliverFunction"):
        webhook_endpoints.put(endpoint)
    return endpoint


def attempted(sandbox: Sandbox, name: str, endpoint: webhooks.Endpoint) -> None:
    """Make a delivery attempt as its execution would."""
    event = {"action": "attempt", "job_id": name, "endpoint_id": endpoint.id, "number": 1}
    sandbox.invoke("DeliverFunction", event)


def test_the_last_end_of_a_group_is_announced(sandbox: Sandbox, ada: Client, shop: Receiver) -> None:
    """Each job's end is, and after the last one that of the group, once: signed, with all jobs and no prompt."""
    endpoint = receiving(sandbox, shop.url)
    receiving(sandbox, "https://failures.example.com", Event.FAILED)
    group = a_group(ada, 2)
    first, second = ids(group)
    end(sandbox, first, JobState.FAILED)
    assert 2 == announced(sandbox, first)
    assert group["id"] not in sandbox.executions("WebhookWorkflow")
    end(sandbox, second)
    for name in (second, first, second):
        announced(sandbox, name)
    assert 1 == sandbox.executions("WebhookWorkflow").count(group["id"])
    assert 1 == announced(sandbox, group["id"])
    assert f"{group['id']}-{endpoint.id}" in sandbox.executions("WebhookWorkflow")
    attempted(sandbox, group["id"], endpoint)
    (request,) = shop.received
    event = Webhook(endpoint.secrets[0].value).verify(request.body, request.headers)
    assert ("video.group.completed", f"evt_{group['id']}") == (event["type"], event["id"])
    assert group["id"] == webhooks.job_id_of(event["id"])
    assert ["failed", "succeeded"] == [job["state"] for job in event["data"]["data"]]
    assert "smiles" not in json.dumps(event)


def test_a_group_of_a_drop_is_announced(sandbox: Sandbox, shop: Receiver) -> None:
    """At the endpoints of the S3 door, once, after each of its jobs; to the address that its settings choose."""
    endpoint = webhooks.endpoint("s3", shop.url, (), sandbox.clock.now())
    with sandbox.stack.acting_as("DeliverFunction"):
        webhook_endpoints.put(endpoint)
    sandbox.drop("drop/ad/1.jpg", picture())
    settings = {"prompt": "[Image 1] smiles.", "images": ["1.jpg"], "n": 2, "webhook": "/mine?order=17"}
    sandbox.drop("drop/ad/job.json", json.dumps(settings).encode())
    Door(sandbox).run(60)
    first, second = sandbox.jobs()
    assert first.group
    for job in (first, second):
        end(sandbox, job.id)
        assert 1 == announced(sandbox, job.id)
    assert 1 == sandbox.executions("WebhookWorkflow").count(first.group.id)
    attempted(sandbox, first.group.id, endpoint)
    (request,) = shop.received
    assert "/mine?order=17" == request.path
    event = Webhook(endpoint.secrets[0].value).verify(request.body, request.headers)
    assert ["ad/1", "ad/2"] == [job["receipts"] for job in event["data"]["data"]]


def test_a_group_that_is_cancelled_is_announced(sandbox: Sandbox, ada: Client) -> None:
    """A cancel ends its jobs one after the other; that of the last ends the group."""
    group = a_group(ada, 4)
    ada.cancel(group["id"])
    for job_id in ids(group):
        announced(sandbox, job_id)
    assert 5 == len(sandbox.executions("WebhookWorkflow"))


def test_a_group_is_announced_where_its_request_says(sandbox: Sandbox, ada: Client, shop: Receiver) -> None:
    """The address of a request is that of its jobs and of their group."""
    endpoint = receiving(sandbox, shop.url)
    group = a_group(ada, 2, webhook="/mine?order=17")
    for job_id in ids(group):
        end(sandbox, job_id)
    attempted(sandbox, group["id"], endpoint)
    assert ["/mine?order=17"] == [request.path for request in shop.received]


def test_what_was_deleted_is_not_announced(sandbox: Sandbox, ada: Client, shop: Receiver) -> None:
    """Neither by an announcement nor by an attempt that comes late."""
    endpoint = receiving(sandbox, shop.url)
    group = a_group(ada, 2)
    ada.cancel(group["id"])
    assert 200 == ada.delete(group["id"]).status
    assert 0 == announced(sandbox, group["id"])
    attempted(sandbox, group["id"], endpoint)
    assert [] == shop.received


def test_a_record_of_an_earlier_version_has_no_group(sandbox: Sandbox) -> None:
    """It is a job that is alone."""
    job = sandbox.put(group=GroupPlace("grp_1", 1, 2))
    key = {"pk": {"S": f"JOB#{job.id}"}, "sk": {"S": "JOB"}}
    sandbox.dynamodb.update_item(
        TableName=sandbox.table, Key=key, UpdateExpression="REMOVE #group", ExpressionAttributeNames={"#group": "group"}
    )
    assert sandbox.job(job.id).group is None

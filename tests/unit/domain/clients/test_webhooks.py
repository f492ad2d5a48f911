"""Webhooks are formatted, signed and scheduled correctly; two independent libraries verify the signatures."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from gallop.domain import groups
from gallop.domain.clients import webhooks
from gallop.domain.clients.webhooks import Endpoint, Event
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, Job, JobState, Result
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.support.jobs import a_job, a_request

URL = "https://hooks.example.com/gallop"
API_URL = "https://api.example.com"


def unwrapped(secret: str, body: str, headers: dict[str, str]) -> Any:  # noqa: ANN401 - one of many types
    """Verify and read a message with OpenAI's library."""
    import openai  # noqa: PLC0415 - takes more than a second, and every process imports this module

    client = openai.OpenAI(api_key="unused", base_url="http://127.0.0.1:9")
    return client.webhooks.unwrap(body, headers, secret=secret)


def an_endpoint(url: str = URL, events: tuple[Event, ...] = ()) -> Endpoint:
    """Return an endpoint of the client that has all jobs here."""
    return webhooks.endpoint("ada", url, events, 0)


def an_end(state: JobState = JobState.FAILED, webhook: str = "") -> Job:
    """Return a job that has ended."""
    failure = None if state is JobState.SUCCEEDED else Failure(FailureCode.TIMED_OUT, "message")
    return a_job(state, ended_at=1_780_000_100.0, failure=failure, request=a_request(webhook=webhook))


def verified_by_both(secret: str, body: str, headers: dict[str, str]) -> dict[str, object]:
    """Verify a message with both libraries; return what they read."""
    first = Webhook(secret).verify(body, headers)
    second = unwrapped(secret, body, headers)
    assert (first["id"], first["type"]) == (second.id, second.type)
    found: dict[str, object] = first
    return found


@given(st.floats(0, 1), st.floats(0, 1))
def test_waits_grow_and_stay_near_the_schedule(one: float, other: float) -> None:
    """Each wait is within a fifth of its scheduled value, and shorter than the next, for any random number."""
    waits = [webhooks.wait_before(number, chance) or 0 for number in range(1, 8) for chance in (one, other)]
    plan = [seconds for seconds in (0, 5, 300, 1800, 7200, 18000, 36000) for _ in range(2)]
    assert all(0.8 * planned - 1 <= wait <= 1.2 * planned + 1 for planned, wait in zip(plan, waits, strict=True))
    pairs = list(zip(waits[::2], waits[1::2], strict=True))
    assert all(max(pair) < min(after) for pair, after in pairwise(pairs))


def test_the_schedule_ends() -> None:
    """After seven tries there is no eighth."""
    assert webhooks.wait_before(8, 0.5) is None
    assert webhooks.wait_before(0, 0.5) is None


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED])
def test_both_libraries_accept_the_signature(state: JobState) -> None:
    """The message has the format of OpenAI's and Standard Webhooks' libraries, and contains the job's result."""
    endpoint, job, now = an_endpoint(), an_end(state), time.time()
    sent = webhooks.message(job, API_URL)
    read = verified_by_both(endpoint.secrets[0].value, sent.body, webhooks.headers(sent, endpoint.secrets, now))
    assert ("event", webhooks.event_of(state).value) == (read["object"], read["type"])
    data = json.loads(sent.body)["data"]
    assert (job.id, state.value) == (data["id"], data["state"])
    assert webhooks.job_id_of(sent.id) == job.id


def test_both_libraries_accept_the_end_of_a_group() -> None:
    """Its data is the group, with each job as in its own message; its id is that of the group."""
    endpoint, now, places = an_endpoint(), time.time(), groups.places(groups.new_group_id(1_780_000_000.0), 2)
    jobs = [
        replace(an_end(state), group=place, ended_at=1_780_000_100.0 + place.place)
        for state, place in zip((JobState.FAILED, JobState.SUCCEEDED), places, strict=True)
    ]
    sent = webhooks.group_message(places[0].id, jobs, API_URL)
    read = verified_by_both(endpoint.secrets[0].value, sent.body, webhooks.headers(sent, endpoint.secrets, now))
    assert ("video.group.completed", 1_780_000_102) == (read["type"], read["created_at"])
    data = json.loads(sent.body)["data"]
    assert (places[0].id, "completed") == (data["id"], data["status"])
    assert [json.loads(webhooks.message(job, API_URL).body)["data"] for job in jobs] == data["data"]
    assert places[0].id == webhooks.job_id_of(sent.id)
    assert "smiles" not in sent.body


@pytest.mark.parametrize(
    ("events", "is_notified"), [((), True), ((Event.COMPLETED,), True), ((Event.FAILED, Event.CANCELLED), False)]
)
def test_whoever_gets_completed_jobs_gets_groups(events: tuple[Event, ...], *, is_notified: bool) -> None:
    """Once all jobs have ended, even if none has a video; not before."""
    endpoint = an_endpoint(events=events)
    ended = [an_end(), an_end(JobState.CANCELLED)]
    assert ([endpoint] if is_notified else []) == webhooks.receivers_of_group([endpoint], ended)
    assert [] == webhooks.receivers_of_group([endpoint], [*ended, a_job(JobState.RUNNING)])


def test_the_addresses_of_files_are_absolute() -> None:
    """A receiver has no request of its own that a path could belong to."""
    job = an_end(JobState.SUCCEEDED)
    video = Result(
        bucket="results",
        key=f"videos/{job.id}/video.mp4",
        version_id="1",
        size=7,
        sha256="ab" * 32,
        content_type="video/mp4",
    )
    data = json.loads(webhooks.message(replace(job, result=video, thumbnail=video), API_URL).body)["data"]
    assert f"{API_URL}/v1/videos/{job.id}/content" == data["video"]["content"]
    assert f"{API_URL}/v1/videos/{job.id}/content?variant=thumbnail" == data["thumbnail"]["content"]


def test_a_message_contains_no_prompt_and_no_signed_address() -> None:
    """A reader of the receiver's log sees neither."""
    assert "smiles" not in webhooks.message(an_end(), API_URL).body
    assert "Signature" not in webhooks.message(an_end(JobState.SUCCEEDED), API_URL).body


@pytest.mark.parametrize("broken", ["body", "signature", "id", "secret", "stale", "early"])
def test_a_tampered_message_is_refused_by_both(broken: str) -> None:
    """The cases are a changed byte, another secret, and a time too far from now."""
    endpoint, sent, now = an_endpoint(), webhooks.message(an_end(), API_URL), time.time()
    shift = {"stale": -400, "early": 400}.get(broken, 0)
    headers = webhooks.headers(sent, endpoint.secrets, now + shift)
    body = sent.body.replace("failed", "completed") if broken == "body" else sent.body
    secret = webhooks.new_secret().value if broken == "secret" else endpoint.secrets[0].value
    if broken == "signature":
        headers["webhook-signature"] = "v1," + "A" * 43 + "="
    if broken == "id":
        headers["webhook-id"] = "evt_other"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)
    with pytest.raises(Exception, match=r"[Ww]ebhook") as refusal:
        unwrapped(secret, body, headers)
    assert "InvalidWebhookSignatureError" == refusal.type.__name__


def test_a_rotated_secret_is_valid_with_the_new_one_for_a_day() -> None:
    """Messages are signed with both, so that receivers have a day to switch; then the old one is dropped."""
    before, now = an_endpoint(), time.time()
    after = webhooks.rotated(before, now)
    old, new = before.secrets[0].value, after.secrets[0].value
    sent = webhooks.message(an_end(), API_URL)
    both = webhooks.headers(sent, webhooks.secrets_at(after, now + 86_399), now)
    for secret in (old, new):
        verified_by_both(secret, sent.body, both)
    one = webhooks.headers(sent, webhooks.secrets_at(after, now + 86_400), now)
    verified_by_both(new, sent.body, one)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(sent.body, one)


def test_rotating_again_extends_nothing() -> None:
    """A secret that is being replaced keeps its expiry."""
    once = webhooks.rotated(an_endpoint(), 1000)
    twice = webhooks.rotated(once, 2000)
    assert [None, 2000 + 86_400, 1000 + 86_400] == [secret.valid_until for secret in twice.secrets]


def test_secrets_are_never_printed() -> None:
    """The printed or logged form of an endpoint does not contain its secret."""
    endpoint = an_endpoint()
    assert endpoint.secrets[0].value not in repr(endpoint)


def test_all_subscribed_endpoints_are_notified() -> None:
    """Endpoints that are disabled or want other events are not notified, and none is before the job has ended."""
    willing, choosy = an_endpoint(), an_endpoint(events=(Event.COMPLETED,))
    assert [willing] == webhooks.receivers([choosy, willing], an_end())
    assert [] == webhooks.receivers([willing], a_job(JobState.RUNNING))


def test_a_job_with_an_address_notifies_one_endpoint() -> None:
    """It is the first one with that origin, at the address of the job; other endpoints are not notified."""
    here, elsewhere = an_endpoint(), an_endpoint(url="https://other.example.com/x")
    job = an_end(webhook="https://hooks.example.com/special?order=7")
    assert [here] == webhooks.receivers([elsewhere, here], job)
    assert job.request.webhook == webhooks.url_for(here, job)
    assert elsewhere.url == webhooks.url_for(elsewhere, job)


@pytest.mark.parametrize(
    ("status", "is_delivered"), [(200, True), (204, True), (299, True), (302, False), (410, False)]
)
def test_only_2xx_is_success(status: int, is_delivered: bool) -> None:
    """A redirect is not a success."""
    assert is_delivered == webhooks.is_delivered(status)
    assert not webhooks.is_delivered(None)

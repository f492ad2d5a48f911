"""The door for Alibaba's EventBridge: who may come in, with what, and what it costs when it is for somebody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain.dashscope import completion_event
from gallop.domain.errors import AlreadyCompleted
from gallop.doors.https.identity import Caller

from fake_dashscope.clock import ManualClock
from tests.support import http
from tests.support.stack import Stack, aws, deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sandbox import Sandbox

TOKEN = "a-token-of-one's own"
PATH = "/events/dashscope"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Give a stack that takes completion events."""
    with deployed(ManualClock(), executing=False, CompletionEvents="on") as stack:
        aws("secretsmanager").put_secret_value(SecretId=stack.resource("CompletionSecret"), SecretString=TOKEN)
        yield stack


def event(task_id: object, **changed: object) -> dict[str, Any]:
    """Give the end of a task as DashScope tells it, as far as it is read."""
    data = {"task_id": task_id, "task_status": "SUCCEEDED"}
    return {
        "specversion": "1.0",
        "source": completion_event.SOURCE,
        "type": completion_event.TYPE,
        "data": data,
        **changed,
    }


def post(sandbox: Sandbox, body: http.Body, token: str | None = TOKEN, **headers: str) -> tuple[int, dict[str, Any]]:
    """Bring an event; gives the status of the answer, and the answer."""
    if token is not None:
        headers[completion_event.TOKEN_HEADER] = token
    answer = sandbox.invoke("WakeFunction", http.event("POST", PATH, body, headers, Caller("")))
    return answer["statusCode"], json.loads(answer["body"])


def listeners(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Give what is noted of waits and news."""
    items = aws("dynamodb").scan(TableName=sandbox.stack.resource("JobTable"))["Items"]
    return [item for item in items if item["pk"]["S"].startswith("COMPLETION#")]


def listen(sandbox: Sandbox, job_id: str, token: str = "token-1") -> None:
    """Begin a wait."""
    sandbox.invoke("StatusFunction", {"action": "listen", "job_id": job_id, "token": token})


@pytest.mark.parametrize(
    "token", [None, "", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper(), f"Bearer {TOKEN}", "ключ", "\udc80"]
)
def test_without_the_token_nothing_comes_in(sandbox: Sandbox, token: str | None) -> None:
    """Neither an event, nor what is none: the token is looked at first, and the answer does not say what is wrong."""
    job = sandbox.submitted()
    for body in (event(job.task_id), "{oops", "x" * 100_000):
        status, told = post(sandbox, body, token)
        assert (403, "/errors/unknown_sender") == (status, told["type"])
    assert [] == listeners(sandbox)


def test_a_clients_key_is_no_token(sandbox: Sandbox) -> None:
    """Who may create jobs may not tell of their ends."""
    assert 403 == post(sandbox, event("task-1"), None, authorization=f"Bearer {sandbox.mint('ada')}")[0]


@pytest.mark.parametrize("name", ["X-EventBridge-Signature-Token", "x-eventbridge-signature-token"])
def test_the_case_of_the_header_does_not_matter(sandbox: Sandbox, name: str) -> None:
    """As with any header."""
    answer = sandbox.invoke("WakeFunction", http.event("POST", PATH, event("t"), {name: TOKEN}, Caller("")))
    assert 200 == answer["statusCode"]


def test_the_end_of_our_own_task_is_noted(sandbox: Sandbox) -> None:
    """Nobody waits yet: who comes next is sent to ask instead, once."""
    job = sandbox.submitted()
    assert (200, {"result": "received"}) == post(sandbox, event(job.task_id))
    with pytest.raises(AlreadyCompleted):
        listen(sandbox, job.id)
    listen(sandbox, job.id)


def test_a_task_is_told_of_once(sandbox: Sandbox) -> None:
    """Every further event changes nothing."""
    job = sandbox.submitted()
    post(sandbox, event(job.task_id))
    noted = listeners(sandbox)
    for _ in range(3):
        assert (200, {"result": "already_received"}) == post(sandbox, event(job.task_id))
    assert noted == listeners(sandbox)


@pytest.mark.parametrize(
    "changed",
    [
        {"source": "acs.oss"},
        {"type": "dashscope:System:Other"},
        {"source": None},
        {"type": ["dashscope:System:AsyncTaskFinish"]},
    ],
    ids=str,
)
def test_other_events_are_passed_over(sandbox: Sandbox, changed: dict[str, Any]) -> None:
    """A rule that lets too much through does no harm, and nothing is brought again."""
    job = sandbox.submitted()
    assert (200, {"result": "ignored"}) == post(sandbox, event(job.task_id, **changed))
    assert [] == listeners(sandbox)


@pytest.mark.parametrize("task_id", ["unknown", "0b0b0b0b-5e5e-4a4a-8b8b-2c2c2c2c2c2c"])
def test_tasks_of_others_are_passed_over(sandbox: Sandbox, task_id: str) -> None:
    """The events of an account are those of all its tasks."""
    sandbox.submitted()
    assert (200, {"result": "not_ours"}) == post(sandbox, event(task_id))
    assert [] == listeners(sandbox)


@pytest.mark.parametrize("task_id", [None, "", 7, ["t"], {"t": 1}, "a b", "t" * 129, "TASK#1", "é"])
def test_an_event_that_names_no_task_is_refused(sandbox: Sandbox, task_id: object) -> None:
    """It says what is wrong, for an operator to read."""
    status, told = post(sandbox, event(task_id))
    assert (400, "/data/task_id") == (status, told["errors"][0]["pointer"])


@pytest.mark.parametrize("data", [None, "text", [], 7])
def test_an_event_without_data_is_refused(sandbox: Sandbox, data: object) -> None:
    """In the same words."""
    assert 400 == post(sandbox, event("t", data=data))[0]


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '"text"', '{"a": 1, "a": 2}', '{"a": NaN}', b"\xff\xfe", "[" * 30_000], ids=repr
)
def test_what_is_no_object_is_refused(sandbox: Sandbox, body: str | bytes) -> None:
    """Strictly: no name twice, no number that is none, nothing without a bottom."""
    assert 400 == post(sandbox, body)[0]


def test_a_body_is_bounded(sandbox: Sandbox) -> None:
    """An event of EventBridge's has 64 KB at most."""
    padded = json.dumps(event("t", padding="x" * completion_event.MAX_BYTES))
    status, told = post(sandbox, padded)
    assert (413, "/errors/body_too_large") == (status, told["type"])
    fitting = json.dumps(event("t"))
    assert 200 == post(sandbox, fitting + " " * (completion_event.MAX_BYTES - len(fitting)))[0]


@pytest.mark.parametrize(
    "content_type", ["application/json;charset=utf-8", "application/cloudevents+json", "text/plain", ""]
)
def test_the_type_of_the_body_does_not_matter(sandbox: Sandbox, content_type: str) -> None:
    """It is not documented what EventBridge says of it."""
    assert 200 == post(sandbox, event("t"), **{"content-type": content_type})[0]


def test_an_event_in_base64_is_read(sandbox: Sandbox) -> None:
    """As API Gateway passes on what it takes for bytes."""
    job = sandbox.submitted()
    assert (200, {"result": "received"}) == post(sandbox, json.dumps(event(job.task_id)).encode())


def test_the_steps_listen(sandbox: Sandbox) -> None:
    """What comes next, for as long as without events."""
    job = sandbox.put()
    expected = {"next": "listen", "wait_seconds": 23, "failure": None}
    assert expected == sandbox.invoke("StartTaskFunction", {"job_id": job.id})
    assert "listen" == sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})["next"]


def test_what_is_noted_is_forgotten(sandbox: Sandbox) -> None:
    """A day later, by the table itself."""
    job = sandbox.submitted()
    listen(sandbox, job.id)
    (item,) = listeners(sandbox)
    assert str(int(sandbox.clock.now()) + 86_400) == item["expires_at"]["N"]

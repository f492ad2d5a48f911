"""The door for Alibaba's EventBridge: who may send events, which ones are accepted, and what the others cost."""

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
    """Yield a stack that takes completion events."""
    with deployed(ManualClock(), executing=False, CompletionEvents="on") as stack:
        aws("secretsmanager").put_secret_value(SecretId=stack.resource("CompletionSecret"), SecretString=TOKEN)
        yield stack


def event(task_id: object, **changed: object) -> dict[str, Any]:
    """Return the completion event that DashScope sends for a task, with the fields that Gallop reads."""
    data = {"task_id": task_id, "task_status": "SUCCEEDED"}
    return {
        "specversion": "1.0",
        "source": completion_event.SOURCE,
        "type": completion_event.TYPE,
        "data": data,
        **changed,
    }


def post(sandbox: Sandbox, body: http.Body, token: str | None = TOKEN, **headers: str) -> tuple[int, dict[str, Any]]:
    """Post an event; return the status and the body of the answer."""
    if token is not None:
        headers[completion_event.TOKEN_HEADER] = token
    answer = sandbox.invoke("WakeFunction", http.event("POST", PATH, body, headers, Caller("")))
    return answer["statusCode"], json.loads(answer["body"])


def listeners(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return the stored waits and events."""
    items = aws("dynamodb").scan(TableName=sandbox.stack.resource("JobTable"))["Items"]
    return [item for item in items if item["pk"]["S"].startswith("COMPLETION#")]


def listen(sandbox: Sandbox, job_id: str, token: str = "token-1") -> None:
    """Start a wait."""
    sandbox.invoke("StatusFunction", {"action": "listen", "job_id": job_id, "token": token})


@pytest.mark.parametrize(
    "token", [None, "", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper(), f"Bearer {TOKEN}", "ключ", "\udc80"]
)
def test_nothing_is_accepted_without_the_token(sandbox: Sandbox, token: str | None) -> None:
    """The token is checked first, for valid and invalid events, and the answer does not say what is wrong."""
    job = sandbox.submitted()
    for body in (event(job.task_id), "{oops", "x" * 100_000):
        status, told = post(sandbox, body, token)
        assert (403, "/errors/unknown_sender") == (status, told["type"])
    assert [] == listeners(sandbox)


def test_a_clients_key_is_not_the_token(sandbox: Sandbox) -> None:
    """A client that may create jobs may not report their completion."""
    assert 403 == post(sandbox, event("task-1"), None, authorization=f"Bearer {sandbox.mint('ada')}")[0]


@pytest.mark.parametrize("name", ["X-EventBridge-Signature-Token", "x-eventbridge-signature-token"])
def test_the_case_of_the_header_is_ignored(sandbox: Sandbox, name: str) -> None:
    """Header names are case-insensitive."""
    answer = sandbox.invoke("WakeFunction", http.event("POST", PATH, event("t"), {name: TOKEN}, Caller("")))
    assert 200 == answer["statusCode"]


def test_the_completion_of_our_own_task_is_stored(sandbox: Sandbox) -> None:
    """When no wait has started yet, the next one queries DashScope at once, and only once."""
    job = sandbox.submitted()
    assert (200, {"result": "received"}) == post(sandbox, event(job.task_id))
    with pytest.raises(AlreadyCompleted):
        listen(sandbox, job.id)
    listen(sandbox, job.id)


def test_a_task_is_reported_once(sandbox: Sandbox) -> None:
    """Further events of the same task change nothing."""
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
def test_other_events_are_ignored(sandbox: Sandbox, changed: dict[str, Any]) -> None:
    """An event rule that is too broad does no harm, and the event is not delivered again."""
    job = sandbox.submitted()
    assert (200, {"result": "ignored"}) == post(sandbox, event(job.task_id, **changed))
    assert [] == listeners(sandbox)


@pytest.mark.parametrize("task_id", ["unknown", "0b0b0b0b-5e5e-4a4a-8b8b-2c2c2c2c2c2c"])
def test_tasks_of_others_are_ignored(sandbox: Sandbox, task_id: str) -> None:
    """An account sends the events of all its tasks."""
    sandbox.submitted()
    assert (200, {"result": "not_ours"}) == post(sandbox, event(task_id))
    assert [] == listeners(sandbox)


@pytest.mark.parametrize("task_id", [None, "", 7, ["t"], {"t": 1}, "a b", "t" * 129, "TASK#1", "é"])
def test_an_event_that_names_no_task_is_refused(sandbox: Sandbox, task_id: object) -> None:
    """The refusal says what is wrong, for an operator to read."""
    status, told = post(sandbox, event(task_id))
    assert (400, "/data/task_id") == (status, told["errors"][0]["pointer"])


@pytest.mark.parametrize("data", [None, "text", [], 7])
def test_an_event_without_data_is_refused(sandbox: Sandbox, data: object) -> None:
    """The refusal has the same text."""
    assert 400 == post(sandbox, event("t", data=data))[0]


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '"text"', '{"a": 1, "a": 2}', '{"a": NaN}', b"\xff\xfe", "[" * 30_000], ids=repr
)
def test_a_body_that_is_not_an_object_is_refused(sandbox: Sandbox, body: str | bytes) -> None:
    """JSON is read strictly: no duplicate names, no NaN, no deep nesting."""
    assert 400 == post(sandbox, body)[0]


def test_the_size_of_a_body_is_limited(sandbox: Sandbox) -> None:
    """An event from EventBridge has at most 64 KB."""
    padded = json.dumps(event("t", padding="x" * completion_event.MAX_BYTES))
    status, told = post(sandbox, padded)
    assert (413, "/errors/body_too_large") == (status, told["type"])
    fitting = json.dumps(event("t"))
    assert 200 == post(sandbox, fitting + " " * (completion_event.MAX_BYTES - len(fitting)))[0]


@pytest.mark.parametrize(
    "content_type", ["application/json;charset=utf-8", "application/cloudevents+json", "text/plain", ""]
)
def test_the_content_type_is_ignored(sandbox: Sandbox, content_type: str) -> None:
    """The content type that EventBridge sends is not documented."""
    assert 200 == post(sandbox, event("t"), **{"content-type": content_type})[0]


def test_an_event_in_base64_is_read(sandbox: Sandbox) -> None:
    """API Gateway encodes bodies that it considers binary."""
    job = sandbox.submitted()
    assert (200, {"result": "received"}) == post(sandbox, json.dumps(event(job.task_id)).encode())


def test_the_steps_start_waits(sandbox: Sandbox) -> None:
    """The next step is the same as without events, with the same wait."""
    job = sandbox.put()
    expected = {"next": "listen", "wait_seconds": 50, "failure": None}
    assert expected == sandbox.invoke("StartTaskFunction", {"job_id": job.id})
    assert "listen" == sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})["next"]


def test_stored_events_expire(sandbox: Sandbox) -> None:
    """The table removes them after a day."""
    job = sandbox.submitted()
    listen(sandbox, job.id)
    (item,) = listeners(sandbox)
    assert str(int(sandbox.clock.now()) + 86_400) == item["expires_at"]["N"]

"""Faults on demand, by count and by rate, and what each looks like to a client."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fake_dashscope import BadFaultError
from fake_dashscope.faults import KINDS
from tests.functional.fake_dashscope.sandbox import SUBMIT, authorized, order, until
from tests.functional.fake_dashscope.test_uploads import policy

if TYPE_CHECKING:
    from tests.functional.fake_dashscope.sandbox import Sandbox

QUICK = order("happyhorse-1.1-r2v", resolution="480P", duration=3)
# For a reply that does not come; to connect and to send takes as long as it takes.
PATIENCE = httpx.Timeout(60, read=0.3)
CREATES = {"drop_after_accept", "500_after_accept", "stall_after_accept", "unreadable_200"}
CALLS: dict[str, tuple[str, str]] = {
    "submit": ("POST", SUBMIT),
    "query": ("GET", "/api/v1/tasks/some-task"),
    "cancel": ("POST", "/api/v1/tasks/{pending}/cancel"),
    "list": ("GET", "/api/v1/tasks"),
    "upload": ("GET", "/api/v1/uploads?action=getPolicy&model=happyhorse-1.0-r2v"),
}
REPLIES = [(on, kind) for on in CALLS for kind in KINDS[on]]


def call(sandbox: Sandbox, on: str, patience: float | httpx.Timeout = 60) -> httpx.Response:
    """Make a request that succeeds unless a fault hits it, with this patience for its reply."""
    method, path = CALLS[on]
    if "{pending}" in path:
        path = path.format(pending=sandbox.submit())
    body = QUICK if on == "submit" else None
    return sandbox.client.request(method, sandbox.base + path, json=body, headers=authorized(), timeout=patience)


def outcome(sandbox: Sandbox, on: str, kind: str = "") -> object:
    """Describe how a call ends: a type of exception, or a status and whether its body is JSON, HTML or neither."""
    try:
        response = call(sandbox, on, PATIENCE if kind.startswith("stall") else 60)
    except httpx.TransportError as error:
        return _public(error)
    if response.content.startswith(b"<html>"):
        return response.status_code, "html"
    try:
        response.json()
    except ValueError:
        return response.status_code, "unreadable"
    return response.status_code, "json"


def _public(error: httpx.TransportError) -> type[httpx.TransportError]:
    return next(kind for kind in type(error).__mro__ if kind.__module__ == "httpx")


def expected(kind: str) -> object:
    """Describe how a kind of fault must end."""
    if kind.startswith("drop"):
        return httpx.RemoteProtocolError
    if kind.startswith("stall"):
        return httpx.ReadTimeout
    return {
        "500_after_accept": (500, "json"),
        "500": (500, "json"),
        "502_html": (502, "html"),
        "unreadable_200": (200, "unreadable"),
        "malformed": (200, "unreadable"),
        "429": (429, "json"),
        "error": (400, "json"),
        "unknown": (200, "json"),
        "empty": (200, "json"),
    }[kind]


def arm(sandbox: Sandbox, on: str, kind: str, **more: Any) -> None:  # noqa: ANN401
    """Arm a fault over the control path."""
    options = {"code": "Arrearage"} if kind == "error" else {}
    response = sandbox.client.post(f"{sandbox.base}/__fake__/faults", json={"on": on, "kind": kind, **options, **more})
    assert 200 == response.status_code, response.text


@pytest.mark.parametrize(("on", "kind"), REPLIES)
def test_a_fault_strikes_the_requested_number_of_times(sandbox: Sandbox, on: str, kind: str) -> None:
    """Each fault ends its requests as documented, ``times`` times; then everything works again."""
    arm(sandbox, on, kind, times=2)
    ends = [outcome(sandbox, on, kind) for _ in range(2)]
    assert [expected(kind)] * 2 == ends
    sandbox.clock.advance(1)
    assert (200, "json") == outcome(sandbox, on)


@pytest.mark.parametrize("kind", KINDS["submit"])
def test_a_submit_is_accepted_or_not_whatever_the_client_sees(sandbox: Sandbox, kind: str) -> None:
    """Only the faults that say so create a task; the ledger counts each request that arrived."""
    arm(sandbox, "submit", kind)
    outcome(sandbox, "submit", kind)
    # A client that gave up may be ahead of the server.
    until(lambda: sandbox.fake.ledger()["requests"]["submit"] >= 1)
    until(lambda: kind not in CREATES or bool(sandbox.fake.ledger()["tasks"]))
    ledger = sandbox.fake.ledger()
    assert (1 if kind in CREATES else 0) == len(ledger["tasks"])
    assert 1 == ledger["requests"]["submit"]


def test_a_task_behind_a_lost_reply_runs_and_is_billed(sandbox: Sandbox) -> None:
    """A lost reply does not stop the task: it is in the list, runs and costs money."""
    arm(sandbox, "submit", "drop_after_accept")
    with suppress(httpx.RemoteProtocolError):
        call(sandbox, "submit")
    sandbox.advance(1)
    sandbox.advance(3600)
    assert "SUCCEEDED" == sandbox.get("/tasks").json()["data"][0]["status"]
    assert 3 == sandbox.fake.ledger()["tasks"][0]["billed_seconds"]


def test_a_fault_after_acceptance_waits_for_an_accepted_submit(sandbox: Sandbox) -> None:
    """A refused submit does not use up a fault that needs an accepted one."""
    arm(sandbox, "submit", "drop_after_accept")
    assert 400 == sandbox.post(order(resolution="8K")).status_code
    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.post()
    sandbox.clock.advance(1)
    assert 200 == sandbox.post().status_code


def test_faults_strike_in_the_order_of_arming(sandbox: Sandbox) -> None:
    """Several faults of one kind of request queue up."""
    for kind in ("500", "429", "unknown"):
        arm(sandbox, "query", kind)
    ends = [call(sandbox, "query") for _ in range(3)]
    assert [500, 429, 200] == [response.status_code for response in ends]


def test_a_rate_strikes_about_that_often(sandbox: Sandbox) -> None:
    """A rate hits each request by chance, without end, the same way for the same seed."""
    arm(sandbox, "query", "500", rate=0.3)
    struck = 0
    for _ in range(10):
        sandbox.clock.advance(1)
        struck += sum(500 == call(sandbox, "query").status_code for _ in range(20))
    assert 40 <= struck <= 80


def test_a_rate_may_end(sandbox: Sandbox) -> None:
    """A rate with ``times`` ends after that number of hits."""
    arm(sandbox, "query", "500", rate=1.0, times=3)
    assert [500, 500, 500, 200] == [call(sandbox, "query").status_code for _ in range(4)]


def test_a_429_can_be_a_bill(sandbox: Sandbox) -> None:
    """The fault 429 takes any code that comes as 429."""
    arm(sandbox, "submit", "429", code="PrepaidBillOverdue")
    response = call(sandbox, "submit")
    assert (429, "PrepaidBillOverdue") == (response.status_code, response.json()["code"])
    assert "retry-after" not in response.headers


def test_unknown_hides_a_task_once(sandbox: Sandbox) -> None:
    """The fault ``unknown`` makes a living task look like an unknown one."""
    task_id = sandbox.submit()
    arm(sandbox, "query", "unknown")
    assert {"task_id": task_id, "task_status": "UNKNOWN"} == sandbox.output(task_id)
    assert "PENDING" == sandbox.output(task_id)["task_status"]


def test_a_cancel_whose_reply_is_lost_changes_nothing(sandbox: Sandbox) -> None:
    """Faults other than on submit hit before anything happens."""
    for _ in range(5):
        sandbox.submit()
    sandbox.advance(1)
    task_id = sandbox.submit()
    arm(sandbox, "cancel", "drop")
    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.cancel(task_id)
    assert "PENDING" == sandbox.output(task_id)["task_status"]


BAD = {
    "not an object": ([], "a fault must be a JSON object"),
    "unknown on": ({"on": "dns", "kind": "drop"}, "allowed: submit, query, cancel, list, upload, download, task"),
    "no on": ({"kind": "drop"}, "unknown on None"),
    "unknown kind": ({"on": "query", "kind": "truncate"}, "allowed: drop, stall, 500, 429, malformed, unknown, error"),
    "kind is not a string": ({"on": "query", "kind": 500}, "unknown kind 500"),
    "negative times": ({"on": "query", "kind": "drop", "times": -1}, "allowed: an integer, minimum 1"),
    "zero times": ({"on": "query", "kind": "drop", "times": 0}, "allowed: an integer, minimum 1"),
    "times is not a number": ({"on": "query", "kind": "drop", "times": "2"}, "allowed: an integer, minimum 1"),
    "times is a flag": ({"on": "query", "kind": "drop", "times": True}, "allowed: an integer, minimum 1"),
    "rate too high": ({"on": "query", "kind": "drop", "rate": 1.5}, "allowed: a number above 0, maximum 1"),
    "rate is zero": ({"on": "query", "kind": "drop", "rate": 0}, "allowed: a number above 0, maximum 1"),
    "unknown option": ({"on": "query", "kind": "drop", "seconds": 5}, "unknown option 'seconds' of drop"),
    "negative seconds": ({"on": "query", "kind": "stall", "seconds": -5}, "allowed: a number, minimum 0"),
    "code of another status": ({"on": "query", "kind": "429", "code": "Arrearage"}, "allowed: Throttling,"),
    "error without a code": ({"on": "query", "kind": "error"}, "code is required; allowed: InvalidParameter,"),
    "error with an unknown code": ({"on": "query", "kind": "error", "code": "Oops"}, "allowed: InvalidParameter,"),
    "code is not a string": ({"on": "task", "kind": "fail", "code": 5}, "allowed: a string"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_fault_that_makes_no_sense_is_refused(sandbox: Sandbox, case: str) -> None:
    """Bad control input is a 400 that says what is allowed, and arms nothing."""
    fault, message = BAD[case]
    response = sandbox.client.post(f"{sandbox.base}/__fake__/faults", json=fault)
    assert 400 == response.status_code
    assert message in response.json()["error"]
    assert {on: list(kinds) for on, kinds in KINDS.items()} == response.json()["allowed"]
    assert [] == sandbox.client.get(f"{sandbox.base}/__fake__/faults").json()["armed"]


def test_python_arms_the_same_faults(sandbox: Sandbox) -> None:
    """``fake.fault`` takes what the control path takes, and refuses what it refuses."""
    sandbox.fake.fault(on="query", kind="500")
    assert 500 == call(sandbox, "query").status_code
    with pytest.raises(BadFaultError, match="unknown kind 'oops' on query"):
        sandbox.fake.fault(on="query", kind="oops")


def test_armed_faults_are_shown(sandbox: Sandbox) -> None:
    """GET shows what is armed and how many hits are left."""
    arm(sandbox, "query", "429", times=2)
    call(sandbox, "query")
    assert [
        {"on": "query", "kind": "429", "times": 1, "rate": 1.0, "code": "Throttling.RateQuota", "message": ""}
    ] == sandbox.client.get(f"{sandbox.base}/__fake__/faults").json()["armed"]


def test_upload_faults_strike_the_policy(sandbox: Sandbox) -> None:
    """A fault on ``upload`` is one of getPolicy."""
    arm(sandbox, "upload", "500")
    assert 500 == call(sandbox, "upload").status_code
    assert policy(sandbox)

"""The ledger, reset and accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fake_dashscope import KEY
from tests.functional.fake_dashscope.sandbox import order

if TYPE_CHECKING:
    from tests.functional.fake_dashscope.sandbox import Sandbox

QUICK = order("happyhorse-1.1-r2v", resolution="480P", duration=3)


def test_the_ledger_has_the_agreed_shape(sandbox: Sandbox) -> None:
    """The ledger shows each task and counts the requests by kind."""
    begun = sandbox.clock.now()
    task_id = sandbox.submit()
    ledger = sandbox.client.get(f"{sandbox.base}/__fake__/ledger").json()
    assert {
        "task_id": task_id,
        "model": "happyhorse-1.0-r2v",
        "status": "PENDING",
        "prompt": "The woman of [Image 1]",
        "images": ["https://example.com/0.jpg"],
        "created_at": begun,
        "billed_seconds": 0,
    }.items() <= ledger["tasks"][0].items()
    assert {"submit": 1, "query": 0, "cancel": 0, "list": 0, "upload": 0, "download": 0} == ledger["requests"]


def test_the_ledger_counts_every_request_that_arrives(sandbox: Sandbox) -> None:
    """Each kind is counted, refused requests as well; downloads too."""
    url = sandbox.video_url(QUICK)
    sandbox.client.get(url)
    sandbox.client.get(url + "x")
    sandbox.get("/tasks")
    sandbox.cancel("no-such-task")
    sandbox.get("/uploads", action="getPolicy", model="happyhorse-1.0-r2v")
    sandbox.post(key="sk-wrong")
    counts = sandbox.fake.ledger()["requests"]
    assert {"submit": 2, "query": 1, "cancel": 1, "list": 1, "upload": 1, "download": 2} == counts


def test_the_ledger_is_kept_by_account(sandbox: Sandbox) -> None:
    """Tasks, billed seconds, cost and requests are shown by account, too."""
    sandbox.submit(QUICK)
    sandbox.submit(order(resolution="1080P", duration=15), key="sk-second-key")
    sandbox.submit(QUICK, key="sk-other")
    sandbox.advance(1)
    sandbox.advance(3 * 3600)
    accounts = sandbox.fake.ledger()["accounts"]
    assert {"main", "other", "beijing", "overdue"} == set(accounts)
    assert 2 == accounts["main"]["tasks"]
    assert 18 == accounts["main"]["billed_seconds"]
    assert 2 == accounts["main"]["requests"]["submit"]
    assert pytest.approx(3 * 0.07 + 15 * 0.24) == accounts["main"]["billed_usd"]
    assert (1, 3) == (accounts["other"]["tasks"], accounts["other"]["billed_seconds"])


def test_a_reset_forgets_tasks_requests_and_faults(sandbox: Sandbox) -> None:
    """After a reset the ledger is empty, no fault is armed, no task is known; the keys still work."""
    url = sandbox.video_url(QUICK)
    task_id = sandbox.submit()
    sandbox.fake.fault(on="query", kind="500", times=5)
    assert 200 == sandbox.client.post(f"{sandbox.base}/__fake__/reset").status_code
    ledger = sandbox.fake.ledger()
    assert [] == ledger["tasks"]
    assert {0} == set(ledger["requests"].values())
    assert "UNKNOWN" == sandbox.output(task_id)["task_status"]
    assert 404 == sandbox.client.get(url).status_code
    assert sandbox.submit() != task_id


def test_a_reset_lifts_the_throttling(sandbox: Sandbox) -> None:
    """After a reset the rates start over, even if the clock has not moved."""
    for _ in range(5):
        sandbox.submit()
    assert 429 == sandbox.post().status_code
    sandbox.fake.reset()
    assert 200 == sandbox.post().status_code


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "nothing"), ("GET", "reset"), ("POST", "ledger"), ("PUT", "faults")]
)
def test_unknown_control_paths_say_which_there_are(sandbox: Sandbox, method: str, path: str) -> None:
    """A wrong control path is a 404 that lists the right ones."""
    response = sandbox.client.request(method, f"{sandbox.base}/__fake__/{path}")
    assert 404 == response.status_code
    for known in ("GET /__fake__/ledger", "GET /__fake__/faults", "POST /__fake__/faults", "POST /__fake__/reset"):
        assert known in response.json()["error"]


def test_control_input_that_is_not_json_is_refused(sandbox: Sandbox) -> None:
    """A body that is not valid JSON is a 400."""
    response = sandbox.client.post(f"{sandbox.base}/__fake__/faults", content=b"{")
    assert 400 == response.status_code
    assert "not valid JSON" in response.json()["error"]


def test_a_temporary_key_works_for_its_time(sandbox: Sandbox) -> None:
    """A temporary key works for its account until it expires."""
    headers = {"Authorization": f"Bearer {KEY}"}
    reply = sandbox.client.post(f"{sandbox.base}/api/v1/tokens?expire_in_seconds=120", headers=headers).json()
    assert {"token", "expires_at"} == set(reply)
    assert reply["token"].startswith("st-")
    task_id = sandbox.submit(key=reply["token"])
    assert "PENDING" == sandbox.output(task_id)["task_status"]
    sandbox.clock.advance(121)
    assert 401 == sandbox.get("/tasks", reply["token"]).status_code


@pytest.mark.parametrize("seconds", ["0", "1801", "x"])
def test_a_temporary_key_lives_half_an_hour_at_most(sandbox: Sandbox, seconds: str) -> None:
    """1 to 1,800 s are allowed."""
    headers = {"Authorization": f"Bearer {KEY}"}
    response = sandbox.client.post(f"{sandbox.base}/api/v1/tokens?expire_in_seconds={seconds}", headers=headers)
    assert 400 == response.status_code


def test_paths_that_the_vendor_does_not_have_are_not_found(sandbox: Sandbox) -> None:
    """Anything else under /api/ is a 404 NotFound."""
    response = sandbox.get("/nothing")
    assert (404, "NotFound") == (response.status_code, response.json()["code"])

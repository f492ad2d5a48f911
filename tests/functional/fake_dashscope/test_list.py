"""The list API."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from fake_dashscope import Switches
from tests.functional.fake_dashscope.sandbox import R2V, order

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.fake_dashscope.sandbox import Sandbox

DAY = 24 * 3600


def stamp(moment: float, hours: float = 8) -> str:
    """Format a time as the list API reads it."""
    return datetime.fromtimestamp(moment, timezone(timedelta(hours=hours))).strftime("%Y%m%d%H%M%S")


def test_a_list_is_flat_and_in_epoch_milliseconds(sandbox: Sandbox) -> None:
    """A page is flat, its entries under ``data``, with times in epoch milliseconds, neither prompt nor URL."""
    begun = sandbox.clock.now()
    submitted = sandbox.post()
    sandbox.advance(1)
    sandbox.advance(3600)
    reply = sandbox.get("/tasks").json()
    assert {"request_id", "total", "total_page", "page_no", "page_size", "data"} == set(reply)
    assert 1 == reply["total"]
    assert 1 == reply["total_page"]
    assert 1 == reply["page_no"]
    assert 10 == reply["page_size"]
    entry = reply["data"][0]
    assert {
        "task_id": submitted.json()["output"]["task_id"],
        "request_id": submitted.json()["request_id"],
        "status": "SUCCEEDED",
        "model_name": R2V,
        "region": "ap-southeast-1",
        "gmt_create": int(begun * 1000),
        "user_api_unique_key": f"apikey:v1:aigc:video-generation:video-synthesis:{R2V}",
    }.items() <= entry.items()
    assert {"api_key_id", "caller_uid", "caller_parent_id", "start_time", "end_time"} == set(entry) - {
        "task_id",
        "request_id",
        "status",
        "model_name",
        "region",
        "gmt_create",
        "user_api_unique_key",
    }
    assert entry["gmt_create"] < entry["start_time"] < entry["end_time"]


def test_a_task_that_has_not_ended_has_no_end_time(sandbox: Sandbox) -> None:
    """``end_time`` comes with the end, ``start_time`` with the start."""
    sandbox.submit()
    assert not {"start_time", "end_time"} & set(sandbox.get("/tasks").json()["data"][0])
    sandbox.advance(1)
    entry = sandbox.get("/tasks").json()["data"][0]
    assert "start_time" in entry
    assert "end_time" not in entry


def test_both_spellings_of_the_list_path_work(sandbox: Sandbox) -> None:
    """The documents write a slash at the end, the SDKs do not."""
    sandbox.submit()
    assert sandbox.get("/tasks").json()["data"] == sandbox.get("/tasks/").json()["data"]


def test_pages_are_newest_first(sandbox: Sandbox) -> None:
    """Pages of ``page_size`` entries, the newest first."""
    tasks = []
    for _ in range(5):
        tasks.append(sandbox.submit())
        sandbox.clock.advance(1)
    pages = [sandbox.get("/tasks", page_no=number, page_size=2).json() for number in (1, 2, 3, 4)]
    assert [5, 5, 5, 5] == [page["total"] for page in pages]
    assert [3, 3, 3, 3] == [page["total_page"] for page in pages]
    assert tasks[::-1] == [entry["task_id"] for page in pages for entry in page["data"]]


def test_a_list_can_be_filtered(sandbox: Sandbox) -> None:
    """By model, by status, by task id; other accounts' tasks are never in it."""
    first, second = sandbox.submit(), sandbox.submit(order("happyhorse-1.1-r2v"))
    sandbox.submit(key="sk-other")

    def found(**params: str) -> set[str]:
        return {entry["task_id"] for entry in sandbox.get("/tasks", **params).json()["data"]}

    assert {first, second} == found()
    assert {first} == found(model_name=R2V)
    assert {second} == found(task_id=second)
    assert {first, second} == found(status="PENDING")
    assert set() == found(status="RUNNING")


def test_a_window_is_read_in_utc_plus_8(sandbox: Sandbox) -> None:
    """``start_time`` and ``end_time`` are ``YYYYMMDDhhmmss`` in UTC+8; one alone means 24 h."""
    old = sandbox.submit()
    sandbox.advance(3 * 3600)
    new, now = sandbox.submit(), sandbox.clock.now()

    def found(**params: str) -> list[str]:
        return [entry["task_id"] for entry in sandbox.get("/tasks", **params).json()["data"]]

    assert [new] == found(start_time=stamp(now - 60), end_time=stamp(now + 60))
    assert [old] == found(start_time=stamp(now - 4 * 3600), end_time=stamp(now - 60))
    assert [new] == found(start_time=stamp(now - 60))
    assert [old] == found(end_time=stamp(now - 60))
    assert [new, old] == found()


def test_the_zone_of_a_window_is_a_switch(make_sandbox: Callable[..., Sandbox]) -> None:
    """The zone is a switch, because no document names it."""
    sandbox = make_sandbox(switches=Switches(list_hours=0))
    sandbox.submit()
    now = sandbox.clock.now()
    assert 1 == sandbox.get("/tasks", start_time=stamp(now - 60, 0), end_time=stamp(now + 60, 0)).json()["total"]
    assert 0 == sandbox.get("/tasks", start_time=stamp(now - 60), end_time=stamp(now + 60)).json()["total"]


def test_tasks_are_gone_after_a_day(sandbox: Sandbox) -> None:
    """After 24 h no window shows a task any more."""
    begun = sandbox.clock.now()
    sandbox.submit()
    sandbox.advance(DAY)
    assert 0 == sandbox.get("/tasks", start_time=stamp(begun - 60), end_time=stamp(begun + 60)).json()["total"]


def test_the_list_may_lag_behind(make_sandbox: Callable[..., Sandbox]) -> None:
    """By switch a task shows in the list only some time after its submit."""
    sandbox = make_sandbox(switches=Switches(list_lag=30))
    sandbox.submit()
    assert 0 == sandbox.get("/tasks").json()["total"]
    sandbox.advance(30)
    assert 1 == sandbox.get("/tasks").json()["total"]


@pytest.mark.parametrize(
    "params",
    [
        {"start_time": "yesterday"},
        {"start_time": "20260101000000", "end_time": "20260102000001"},
        {"start_time": "20260102000000", "end_time": "20260101000000"},
        {"page_no": "0"},
        {"page_size": "x"},
        {"status": "DONE"},
    ],
)
def test_a_window_or_page_that_makes_no_sense_is_refused(sandbox: Sandbox, params: dict[str, str]) -> None:
    """More than 24 h, a page 0 or an unknown status are a 400."""
    response = sandbox.get("/tasks", **params)
    assert (400, "InvalidParameter") == (response.status_code, response.json()["code"])

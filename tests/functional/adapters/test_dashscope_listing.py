"""DashScope's task list at the HTTPS door: which tasks it shows, and its pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from gallop.domain.job import JobState
from gallop.doors.https import dashscope

from tests.functional.fake_dashscope.sandbox import SUBMIT, order
from tests.support.dashscope import TASKS, Vendor, at_vendor, shape
from tests.support.jobs import a_request

if TYPE_CHECKING:
    from tests.support.http import Answer
    from tests.support.sandbox import Sandbox


def listed(vendor: Vendor, **parameters: Any) -> Answer:  # noqa: ANN401 - whatever a client sends
    """Request a page."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    return vendor.call("VideosFunction", "GET", f"{TASKS}{query}")


def ids(answer: Answer) -> list[str]:
    """Return the task ids of a page."""
    return [entry["task_id"] for entry in answer.json["data"]]


def stamp(moment: float) -> str:
    """Return a time in the format of the list's parameters: UTC+8."""
    return (datetime.fromtimestamp(moment, UTC) + timedelta(hours=8)).strftime("%Y%m%d%H%M%S")


def several(sandbox: Sandbox, count: int, **fields: Any) -> list[str]:  # noqa: ANN401 - any field of a job
    """Record jobs a minute apart; return their ids, the newest first."""
    made = []
    for _ in range(count):
        made.append(sandbox.put(**fields).id)
        sandbox.clock.advance(60)
    return made[::-1]


@pytest.fixture
def ada(sandbox: Sandbox) -> Vendor:
    """Return a client."""
    return Vendor(sandbox)


def test_pages_are_dashscopes_with_the_newest_first(sandbox: Sandbox, ada: Vendor) -> None:
    """Pages start at 1 and have 10 tasks by default, 100 at most, with the total number of tasks."""
    made = several(sandbox, 12)
    first = listed(ada)
    paging = {"total": 12, "total_page": 2, "page_no": 1, "page_size": 10}
    assert paging == {name: first.json[name] for name in paging}
    assert made[:10] == ids(first)
    assert made[10:] == ids(listed(ada, page_no=2))
    assert made[4:8] == ids(listed(ada, page_no=2, page_size=4))
    assert [] == ids(listed(ada, page_no=9))
    assert (100, made) == ((all_of_them := listed(ada, page_size=5000)).json["page_size"], ids(all_of_them))
    assert made == ids(ada.call("VideosFunction", "GET", f"{TASKS}/?page_size=20"))


def test_a_page_has_dashscopes_fields(sandbox: Sandbox, ada: Vendor) -> None:
    """Waiting, running and finished tasks have the same keys; times are in milliseconds."""
    at_vendor(sandbox, "POST", SUBMIT, order(), x_dashscope_async="enable")
    theirs = at_vendor(sandbox, "GET", f"{TASKS}?page_no=1&page_size=10").json
    waiting = sandbox.put()
    assert shape(theirs) == shape(listed(ada).json)
    assert shape(theirs["data"][0]) == shape(listed(ada).json["data"][0])
    assert round(waiting.created_at * 1000) == listed(ada).json["data"][0]["gmt_create"]
    sandbox.fake.settle()
    sandbox.clock.advance(3600)
    theirs = at_vendor(sandbox, "GET", f"{TASKS}?page_no=1&page_size=10").json
    now = sandbox.clock.now()
    sandbox.put(JobState.SUCCEEDED, ended_at=now, running_since=now)
    assert shape(theirs["data"][0]) == shape(listed(ada).json["data"][0])


def test_a_client_sees_its_own_tasks_and_an_operator_all(sandbox: Sandbox, ada: Vendor) -> None:
    """Another client's tasks are never listed, whatever the parameters."""
    own, theirs = sandbox.put(client="ada").id, sandbox.put(client="bob").id
    assert [own] == ids(listed(ada))
    assert [] == ids(listed(ada, task_id=theirs))
    assert {own, theirs} == set(ids(listed(Vendor(sandbox, "ops", is_admin=True))))


def test_filters_are_combined(sandbox: Sandbox, ada: Vendor) -> None:
    """Filters are id, model and DashScope's status; the total counts the matching tasks."""
    newer = a_request(model="happyhorse-1.1-r2v")
    (waiting,) = several(sandbox, 1)
    (stores,) = several(sandbox, 1, state=JobState.STORING, request=newer)
    (runs,) = several(sandbox, 1, state=JobState.RUNNING)
    assert [runs, stores] == ids(listed(ada, status="RUNNING"))
    assert ([stores], 1) == (ids(answer := listed(ada, model_name=newer.model)), answer.json["total"])
    assert [stores] == ids(listed(ada, model_name=newer.model, status="RUNNING"))
    assert [waiting] == ids(listed(ada, task_id=waiting))
    assert [] == ids(listed(ada, task_id=waiting, status="RUNNING"))
    assert [runs] == ids(listed(ada, status="RUNNING", page_size=1))
    assert [] == ids(listed(ada, status="UNKNOWN"))


def test_the_window_is_at_most_a_day(sandbox: Sandbox, ada: Vendor) -> None:
    """It is the last 24 hours, those before an end or those after a start; with both, at most 24 hours."""
    start = sandbox.clock.now()
    old = sandbox.put().id
    sandbox.clock.advance(12 * 3600)
    young = sandbox.put().id
    sandbox.clock.advance(13 * 3600)
    assert [young] == ids(listed(ada))
    assert [young, old] == ids(listed(ada, start_time=stamp(start - 1)))
    assert [old] == ids(listed(ada, end_time=stamp(start + 1)))
    assert [old] == ids(listed(ada, start_time=stamp(start - 1), end_time=stamp(start + 3600)))


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"page_no": "0"}, "page_no"),
        ({"page_size": "ten"}, "page_size"),
        ({"page_size": "٣"}, "page_size"),
        ({"page_no": "9" * 5000}, "page_no"),
        ({"status": "DONE"}, "status"),
        ({"start_time": "2026-01-01"}, "start_time"),
        ({"end_time": "20261301000000"}, "end_time"),
        ({"start_time": "20260102000000", "end_time": "20260101000000"}, "start_time"),
        ({"start_time": "20260101000000", "end_time": "20260103000000"}, "start_time"),
    ],
)
def test_an_invalid_parameter_is_refused_in_dashscopes_format(
    ada: Vendor, parameters: dict[str, str], named: str
) -> None:
    """The answer is 400 and names the parameter."""
    answer = listed(ada, **parameters)
    words = f"Required parameter({named}) missing or invalid, please check the request parameters."
    assert 400 == answer.status
    assert "InvalidParameter" == answer.json["code"]
    assert words == answer.json["message"]


def test_extreme_times_give_empty_lists(sandbox: Sandbox, ada: Vendor) -> None:
    """For every year the answer is a list or a readable refusal."""
    sandbox.put()
    for name in ("start_time", "end_time"):
        for moment in ("00010101000000", "00020101000000", "19691231000000", "99981231000000", "99991231235959"):
            answer = listed(ada, **{name: moment})
            assert (200, []) == (answer.status, ids(answer)) or 400 == answer.status


def test_a_list_reads_a_bounded_number_of_jobs(sandbox: Sandbox, ada: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many jobs there are, the work is bounded, and the total counts the jobs that were read."""
    monkeypatch.setattr(dashscope, "MAX_TASKS", 3)
    made = several(sandbox, 5)
    assert (3, made[:3]) == ((answer := listed(ada)).json["total"], ids(answer))
    assert made[:3] == ids(listed(ada, status="PENDING"))


def test_the_list_needs_a_key(sandbox: Sandbox) -> None:
    """The answer is 401, as on every route."""
    assert 401 == listed(Vendor(sandbox, "")).status

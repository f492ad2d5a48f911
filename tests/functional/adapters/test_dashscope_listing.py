"""DashScope's list of tasks at the HTTPS door: whose, which, and in which pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from gallop.domain.job import JobState
from gallop.doors.https import dashscope as dashscope_dialect

from tests.functional.fake_dashscope.world import SUBMIT, order
from tests.support.dashscope import TASKS, Vendor, at_vendor, shape
from tests.support.jobs import a_request

if TYPE_CHECKING:
    from tests.support.http import Answer
    from tests.support.world import World


def listed(vendor: Vendor, **parameters: Any) -> Answer:  # noqa: ANN401 - whatever a client sends
    """Ask for a page."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    return vendor.call("VideosFunction", "GET", f"{TASKS}{query}")


def ids(answer: Answer) -> list[str]:
    """Name the tasks of a page."""
    return [entry["task_id"] for entry in answer.json["data"]]


def stamp(moment: float) -> str:
    """Write a time as the list's parameters have it: UTC+8."""
    return (datetime.fromtimestamp(moment, UTC) + timedelta(hours=8)).strftime("%Y%m%d%H%M%S")


def several(world: World, count: int, **fields: Any) -> list[str]:  # noqa: ANN401 - any field of a job
    """Record jobs a minute apart; gives their ids, the newest first."""
    made = []
    for _ in range(count):
        made.append(world.put(**fields).id)
        world.clock.advance(60)
    return made[::-1]


@pytest.fixture
def ada(world: World) -> Vendor:
    """Give a client."""
    return Vendor(world)


def test_pages_are_dashscopes_the_newest_first(world: World, ada: Vendor) -> None:
    """Pages from 1, of 10 unless the client says otherwise and of 100 at most, with the total of all."""
    made = several(world, 12)
    first = listed(ada)
    assert (12, 2, 1, 10, made[:10]) == (
        *(first.json[name] for name in ("total", "total_page", "page_no", "page_size")),
        ids(first),
    )
    assert made[10:] == ids(listed(ada, page_no=2))
    assert made[4:8] == ids(listed(ada, page_no=2, page_size=4))
    assert [] == ids(listed(ada, page_no=9))
    assert (100, made) == ((all_of_them := listed(ada, page_size=5000)).json["page_size"], ids(all_of_them))
    assert made == ids(ada.call("VideosFunction", "GET", f"{TASKS}/?page_size=20"))


def test_a_page_has_the_fields_of_dashscopes_own(world: World, ada: Vendor) -> None:
    """Key for key, for tasks that wait, run and have ended; times are milliseconds."""
    at_vendor(world, "POST", SUBMIT, order(), x_dashscope_async="enable")
    theirs = at_vendor(world, "GET", f"{TASKS}?page_no=1&page_size=10").json
    waiting = world.put()
    assert shape(theirs) == shape(listed(ada).json)
    assert shape(theirs["data"][0]) == shape(listed(ada).json["data"][0])
    assert round(waiting.created_at * 1000) == listed(ada).json["data"][0]["gmt_create"]
    world.fake.settle()
    world.clock.advance(3600)
    theirs = at_vendor(world, "GET", f"{TASKS}?page_no=1&page_size=10").json
    now = world.clock.now()
    world.put(JobState.SUCCEEDED, ended_at=now, running_since=now)
    assert shape(theirs["data"][0]) == shape(listed(ada).json["data"][0])


def test_a_client_sees_its_own_and_an_operator_all(world: World, ada: Vendor) -> None:
    """Nobody else's, whatever is asked for."""
    own, theirs = world.put(client="ada").id, world.put(client="bob").id
    assert [own] == ids(listed(ada))
    assert [] == ids(listed(ada, task_id=theirs))
    assert {own, theirs} == set(ids(listed(Vendor(world, "ops", is_admin=True))))


def test_filters_hold_together(world: World, ada: Vendor) -> None:
    """By id, by model and by status in DashScope's words; the total is of what is meant."""
    newer = a_request(model="happyhorse-1.1-r2v")
    (waiting,) = several(world, 1)
    (stores,) = several(world, 1, state=JobState.STORING, request=newer)
    (runs,) = several(world, 1, state=JobState.RUNNING)
    assert [runs, stores] == ids(listed(ada, status="RUNNING"))
    assert ([stores], 1) == (ids(answer := listed(ada, model_name=newer.model)), answer.json["total"])
    assert [stores] == ids(listed(ada, model_name=newer.model, status="RUNNING"))
    assert [waiting] == ids(listed(ada, task_id=waiting))
    assert [] == ids(listed(ada, task_id=waiting, status="RUNNING"))
    assert [runs] == ids(listed(ada, status="RUNNING", page_size=1))
    assert [] == ids(listed(ada, status="UNKNOWN"))


def test_the_window_is_a_day(world: World, ada: Vendor) -> None:
    """The last 24 hours, or those before an end, or after a beginning; both at once, up to 24 hours."""
    start = world.clock.now()
    old = world.put().id
    world.clock.advance(12 * 3600)
    young = world.put().id
    world.clock.advance(13 * 3600)
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
def test_a_bad_parameter_is_refused_in_dashscopes_words(ada: Vendor, parameters: dict[str, str], named: str) -> None:
    """400, with the name of the parameter."""
    answer = listed(ada, **parameters)
    words = f"Required parameter({named}) missing or invalid, please check the request parameters."
    assert (400, "InvalidParameter", words) == (answer.status, answer.json["code"], answer.json["message"])


def test_times_at_the_ends_of_all_times_are_empty_lists(world: World, ada: Vendor) -> None:
    """Whatever year is named, the answer is a list or a refusal in words."""
    world.put()
    for name in ("start_time", "end_time"):
        for moment in ("00010101000000", "00020101000000", "19691231000000", "99981231000000", "99991231235959"):
            answer = listed(ada, **{name: moment})
            assert (200, []) == (answer.status, ids(answer)) or 400 == answer.status


def test_a_list_looks_at_so_many_and_no_more(world: World, ada: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, the work is bounded, and the total is of what was looked at."""
    monkeypatch.setattr(dashscope_dialect, "TASKS_AT_MOST", 3)
    made = several(world, 5)
    assert (3, made[:3]) == ((answer := listed(ada)).json["total"], ids(answer))
    assert made[:3] == ids(listed(ada, status="PENDING"))


def test_without_a_key_there_is_no_list(world: World) -> None:
    """401, as on every route."""
    assert 401 == listed(Vendor(world, "")).status

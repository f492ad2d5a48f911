"""Learned task durations, from DashScope's answers to the poll schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import pytest
from gallop.adapters import aws as clients
from gallop.adapters.table import dynamo, task_durations
from gallop.domain.errors import AwsTrouble
from gallop.domain.scheduling import polling, run_times

from fake_dashscope import ids
from tests.support.jobs import MODEL, a_request
from tests.support.sandbox import TASKS_URL
from tests.support.stack import aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox

KEY = {"pk": {"S": "DURATIONS"}, "sk": {"S": f"{MODEL}|720P|5"}}
PUBLISHED = run_times.published("720P", 5)


@pytest.fixture
def acting(sandbox: Sandbox) -> Iterator[None]:
    """Act as the function that records durations."""
    with sandbox.stack.acting_as("StatusFunction"):
        yield


def ended(sandbox: Sandbox, seconds: float | None) -> Job:
    """Let a task end that ran for a number of seconds, or reports no times."""
    job = sandbox.submitted()
    sandbox.clock.advance(300)
    output: dict[str, Any] = {"task_status": "SUCCEEDED", "video_url": "https://x.aliyuncs.com/v.mp4"}
    if seconds is not None:
        began = sandbox.clock.now() - 200
        output |= {"scheduled_time": ids.local_time(began), "end_time": ids.local_time(began + seconds)}
    sandbox.instead[TASKS_URL] = lambda _: httpx.Response(200, json={"output": output, "usage": {}})
    assert "save" == sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})["next"]
    return job


def learned(sandbox: Sandbox) -> run_times.RunTimes | None:
    """Read the stored run times."""
    item = aws("dynamodb").get_item(TableName=sandbox.stack.resource("JobTable"), Key=KEY).get("Item")
    return run_times.from_map(dynamo.unpack(item)) if item else None


def test_a_task_that_succeeded_is_counted_once(sandbox: Sandbox) -> None:
    """Its duration is measured by DashScope's times; a repeated step adds nothing."""
    job = ended(sandbox, 123.0)
    assert "save" == sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})["next"]
    assert PUBLISHED.with_task(123.0) == learned(sandbox)


def test_without_times_the_end_was_between_the_last_two_polls(sandbox: Sandbox) -> None:
    """The later of the two would make polling later and later."""
    ended(sandbox, None)
    assert PUBLISHED.with_task(150.0) == learned(sandbox)


def test_impossible_times_are_not_counted(sandbox: Sandbox) -> None:
    """These are an end before the start, and one days after it."""
    for seconds in (-5.0, 0.0, 1e6):
        ended(sandbox, seconds)
    assert learned(sandbox) is None


def test_a_task_that_failed_is_not_counted(sandbox: Sandbox) -> None:
    """Failures come early and do not show how long a video takes."""
    sandbox.fake.fault(on="task", kind="fail")
    job = sandbox.submitted()
    sandbox.clock.advance(3600)
    assert "finish" == sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})["next"]
    assert learned(sandbox) is None


def test_learned_durations_change_the_schedule_within_a_minute(sandbox: Sandbox) -> None:
    """They apply to the wait loop and to the poll interval that clients get."""
    sandbox.submitted()
    with sandbox.stack.acting_as("StatusFunction"):
        for _ in range(run_times.KEPT_TASKS):
            task_durations.add(a_request(), 190.0)
    sandbox.clock.advance(task_durations.KEPT_SECONDS)
    job = sandbox.put()
    first = sandbox.invoke("StartTaskFunction", {"job_id": job.id})["wait_seconds"]
    assert (50, 177) == (polling.next_wait(PUBLISHED, 0), first)


@pytest.mark.usefixtures("acting")
def test_one_of_two_concurrent_updates_is_enough() -> None:
    """The number of tasks is the version: an update based on an older one does not overwrite."""
    task_durations.add(a_request(), 100.0)
    with patch.object(task_durations, "_read", return_value=PUBLISHED):
        task_durations.add(a_request(), 50.0)
    task_durations.clear_cache()
    assert PUBLISHED.with_task(100.0) == task_durations.known(a_request())


def test_an_unreadable_item_is_overwritten(sandbox: Sandbox) -> None:
    """An item of another format, as the histogram of an earlier version, counts as missing."""
    earlier = {"format": {"N": "1"}, "tasks": {"N": "40"}, "weights": {"L": [{"N": "7"}] * 100}}
    for item in ({"format": {"N": "9"}}, earlier):
        aws("dynamodb").put_item(TableName=sandbox.stack.resource("JobTable"), Item={**KEY, **item})
        ended(sandbox, 100.0)
        assert PUBLISHED.with_task(100.0) == learned(sandbox)


@pytest.mark.usefixtures("acting")
def test_an_error_of_the_table_does_no_harm() -> None:
    """The published durations apply, and one task fewer is counted."""
    with patch.object(clients, "dynamodb", side_effect=AwsTrouble("down")):
        assert PUBLISHED == task_durations.known(a_request())
        task_durations.add(a_request(), 100.0)
    task_durations.clear_cache()
    assert PUBLISHED == task_durations.known(a_request())


def test_a_corrupt_item_is_overwritten(sandbox: Sandbox) -> None:
    """An item of this format with invalid content is replaced instead of blocking updates forever."""
    broken = {"format": {"N": "2"}, "tasks": {"N": "40"}, "milliseconds": {"L": [{"S": "what"}]}}
    aws("dynamodb").put_item(TableName=sandbox.stack.resource("JobTable"), Item={**KEY, **broken})
    ended(sandbox, 100.0)
    assert PUBLISHED.with_task(100.0) == learned(sandbox)

"""What is learned of how long tasks run, from the answers of DashScope to the pace of questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import pytest
from gallop.adapters import aws as clients
from gallop.adapters.table import dynamo, task_durations
from gallop.domain.errors import AwsTrouble
from gallop.domain.scheduling import histogram, polling

from fake_dashscope import ids
from tests.support.jobs import MODEL, a_request
from tests.support.sandbox import TASKS_URL
from tests.support.stack import aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox

KEY = {"pk": {"S": "DURATIONS"}, "sk": {"S": f"{MODEL}|720P|5"}}
SEED = histogram.seed("720P", 5)


@pytest.fixture
def acting(sandbox: Sandbox) -> Iterator[None]:
    """Act as the function that learns."""
    with sandbox.stack.acting_as("StatusFunction"):
        yield


def ended(sandbox: Sandbox, seconds: float | None) -> Job:
    """Let a task end that ran for so many seconds, or does not say for how many."""
    job = sandbox.submitted()
    sandbox.clock.advance(300)
    output: dict[str, Any] = {"task_status": "SUCCEEDED", "video_url": "https://x.aliyuncs.com/v.mp4"}
    if seconds is not None:
        began = sandbox.clock.now() - 200
        output |= {"scheduled_time": ids.local_time(began), "end_time": ids.local_time(began + seconds)}
    sandbox.instead[TASKS_URL] = lambda _: httpx.Response(200, json={"output": output, "usage": {}})
    assert "save" == sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})["next"]
    return job


def learned(sandbox: Sandbox) -> histogram.Histogram | None:
    """Read what lies in the table."""
    item = aws("dynamodb").get_item(TableName=sandbox.stack.resource("JobTable"), Key=KEY).get("Item")
    return histogram.from_map(dynamo.unpack(item)) if item else None


def test_a_task_that_succeeded_is_learned_from_once(sandbox: Sandbox) -> None:
    """From its beginning to its end, by DashScope's word; a step that is run again adds nothing."""
    job = ended(sandbox, 123.0)
    assert "save" == sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})["next"]
    assert SEED.with_task(123.0) == learned(sandbox)


def test_without_times_the_end_was_between_the_last_two_questions(sandbox: Sandbox) -> None:
    """The later of the two would teach us to ask ever later."""
    ended(sandbox, None)
    assert SEED.with_task(150.0) == learned(sandbox)


def test_times_that_cannot_be_teach_nothing(sandbox: Sandbox) -> None:
    """An end before the beginning, or days after it."""
    for seconds in (-5.0, 0.0, 1e6):
        ended(sandbox, seconds)
    assert learned(sandbox) is None


def test_a_task_that_failed_teaches_nothing(sandbox: Sandbox) -> None:
    """Failures come early, and say nothing of how long a video takes."""
    sandbox.fake.fault(on="task", kind="fail")
    job = sandbox.submitted()
    sandbox.clock.advance(3600)
    assert "finish" == sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})["next"]
    assert learned(sandbox) is None


def test_what_was_learned_sets_the_pace_within_a_minute(sandbox: Sandbox) -> None:
    """Of the wait loop as of those who ask at the door."""
    sandbox.submitted()
    with sandbox.stack.acting_as("StatusFunction"):
        for _ in range(20):
            task_durations.add(a_request(), 190.0)
    sandbox.clock.advance(task_durations.KEPT_SECONDS)
    job = sandbox.put()
    first = sandbox.invoke("StartTaskFunction", {"job_id": job.id})["wait_seconds"]
    assert 23 == polling.next_wait(SEED, 0, 12) < first < 190


@pytest.mark.usefixtures("acting")
def test_of_two_that_learn_at_the_same_time_one_is_enough() -> None:
    """The number of tasks is the version: whoever read an older one does not overwrite."""
    task_durations.add(a_request(), 100.0)
    with patch.object(task_durations, "_read", return_value=SEED):
        task_durations.add(a_request(), 50.0)
    task_durations.clear_cache()
    assert SEED.with_task(100.0) == task_durations.known(a_request())


def test_what_nobody_can_read_is_written_over(sandbox: Sandbox) -> None:
    """An item of another format is as good as none."""
    aws("dynamodb").put_item(TableName=sandbox.stack.resource("JobTable"), Item={**KEY, "format": {"N": "9"}})
    ended(sandbox, 100.0)
    assert SEED.with_task(100.0) == learned(sandbox)


@pytest.mark.usefixtures("acting")
def test_trouble_with_the_table_harms_nobody() -> None:
    """What was published counts, and one task less is learned from."""
    with patch.object(clients, "dynamodb", side_effect=AwsTrouble("down")):
        assert SEED == task_durations.known(a_request())
        task_durations.add(a_request(), 100.0)
    task_durations.clear_cache()
    assert SEED == task_durations.known(a_request())


def test_what_is_broken_is_written_over(sandbox: Sandbox) -> None:
    """An item of this format with no sense in it is learned over, and not stuck for ever."""
    broken = {"format": {"N": "1"}, "tasks": {"N": "40"}, "weights": {"L": [{"S": "what"}]}}
    aws("dynamodb").put_item(TableName=sandbox.stack.resource("JobTable"), Item={**KEY, **broken})
    ended(sandbox, 100.0)
    assert SEED.with_task(100.0) == learned(sandbox)

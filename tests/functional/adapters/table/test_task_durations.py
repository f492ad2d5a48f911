"""What is learned of how long tasks run, from the answers of DashScope to the pace of questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import pytest
from gallop.adapters import aws as clients
from gallop.adapters.table import dynamo as table
from gallop.adapters.table import task_durations as durations
from gallop.domain.errors import AwsTrouble
from gallop.domain.scheduling import histogram as sketch
from gallop.domain.scheduling import polling

from tests.support.jobs import MODEL, a_request
from tests.support.stack import aws
from tests.support.world import TASKS_URL
from tests.testbed.fake_dashscope import ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job

    from tests.support.world import World

KEY = {"pk": {"S": "PACE"}, "sk": {"S": f"{MODEL}|720P|5"}}
SEED = sketch.seed("720P", 5)


@pytest.fixture
def acting(world: World) -> Iterator[None]:
    """Act as the function that learns."""
    with world.stack.acting_as("StatusFunction"):
        yield


def ended(world: World, seconds: float | None) -> Job:
    """Let a task end that ran for so many seconds, or does not say for how many."""
    job = world.submitted()
    world.clock.advance(300)
    output: dict[str, Any] = {"task_status": "SUCCEEDED", "video_url": "https://x.aliyuncs.com/v.mp4"}
    if seconds is not None:
        began = world.clock.now() - 200
        output |= {"scheduled_time": ids.local_time(began), "end_time": ids.local_time(began + seconds)}
    world.instead[TASKS_URL] = lambda _: httpx.Response(200, json={"output": output, "usage": {}})
    assert "save" == world.invoke("StatusFunction", {"action": "ask", "job_id": job.id})["next"]
    return job


def learned(world: World) -> sketch.Sketch | None:
    """Read what lies in the table."""
    item = aws("dynamodb").get_item(TableName=world.stack.resource("JobTable"), Key=KEY).get("Item")
    return sketch.from_map(table.unpack(item)) if item else None


def test_a_task_that_succeeded_is_learned_from_once(world: World) -> None:
    """From its beginning to its end, by DashScope's word; a step that is run again adds nothing."""
    job = ended(world, 123.0)
    assert "save" == world.invoke("StatusFunction", {"action": "ask", "job_id": job.id})["next"]
    assert SEED.with_task(123.0) == learned(world)


def test_without_times_the_end_was_between_the_last_two_questions(world: World) -> None:
    """The later of the two would teach us to ask ever later."""
    ended(world, None)
    assert SEED.with_task(150.0) == learned(world)


def test_times_that_cannot_be_teach_nothing(world: World) -> None:
    """An end before the beginning, or days after it."""
    for seconds in (-5.0, 0.0, 1e6):
        ended(world, seconds)
    assert learned(world) is None


def test_a_task_that_failed_teaches_nothing(world: World) -> None:
    """Failures come early, and say nothing of how long a video takes."""
    world.fake.fault(on="task", kind="fail")
    job = world.submitted()
    world.clock.advance(3600)
    assert "finish" == world.invoke("StatusFunction", {"action": "ask", "job_id": job.id})["next"]
    assert learned(world) is None


def test_what_was_learned_sets_the_pace_within_a_minute(world: World) -> None:
    """Of the wait loop as of those who ask at the door."""
    world.submitted()
    with world.stack.acting_as("StatusFunction"):
        for _ in range(20):
            durations.add(a_request(), 190.0)
    world.clock.advance(durations.KEPT_SECONDS)
    job = world.put()
    first = world.invoke("StartTaskFunction", {"job_id": job.id})["wait_seconds"]
    assert 23 == polling.next_wait(SEED, 0, 12) < first < 190


@pytest.mark.usefixtures("acting")
def test_of_two_that_learn_at_the_same_time_one_is_enough() -> None:
    """The number of tasks is the version: whoever read an older one does not overwrite."""
    durations.add(a_request(), 100.0)
    with patch.object(durations, "_read", return_value=SEED):
        durations.add(a_request(), 50.0)
    durations.forget()
    assert SEED.with_task(100.0) == durations.known(a_request())


def test_what_nobody_can_read_is_written_over(world: World) -> None:
    """An item of another format is as good as none."""
    aws("dynamodb").put_item(TableName=world.stack.resource("JobTable"), Item={**KEY, "format": {"N": "9"}})
    ended(world, 100.0)
    assert SEED.with_task(100.0) == learned(world)


@pytest.mark.usefixtures("acting")
def test_trouble_with_the_table_harms_nobody() -> None:
    """What was published counts, and one task less is learned from."""
    with patch.object(clients, "dynamodb", side_effect=AwsTrouble("down")):
        assert SEED == durations.known(a_request())
        durations.add(a_request(), 100.0)
    durations.forget()
    assert SEED == durations.known(a_request())


def test_what_is_broken_is_written_over(world: World) -> None:
    """An item of this format with no sense in it is learned over, and not stuck for ever."""
    broken = {"format": {"N": "1"}, "tasks": {"N": "40"}, "weights": {"L": [{"S": "what"}]}}
    aws("dynamodb").put_item(TableName=world.stack.resource("JobTable"), Item={**KEY, **broken})
    ended(world, 100.0)
    assert SEED.with_task(100.0) == learned(world)

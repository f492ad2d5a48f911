"""Breakdowns that once cost a video or a second charge, each as small as it can be told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import dashscope
from gallop.adapters.table import jobs as store
from gallop.adapters.table import submit_lease as lane
from gallop.domain.errors import AwsTrouble, VendorRefused
from gallop.steps.start_task import start_task

from tests.support.promise import World, fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gallop.domain.dashscope.replies import ListedTask
    from gallop.domain.job import Job

PROMPT = "The girl of [Image 1] waves."
OTHER = "The girl of [Image 1] sings."
ENOUGH = 3000


@pytest.fixture
def world() -> Iterator[World]:
    """Give an empty world."""
    with fresh() as made:
        yield made


def created(world: World, prompt: str = PROMPT) -> Job:
    """Give a job that was just accepted."""
    made = world.post(prompt)
    assert not isinstance(made, dict)
    return made.job


def assert_one_video(world: World, *prompts: str) -> None:
    """Each wish has one job that succeeded, and one task."""
    assert dict.fromkeys(prompts, "succeeded") == {job.request.prompt: job.state.value for job in world.jobs()}
    assert dict.fromkeys(prompts, 1) == {prompt: len(world.tasks(prompt)) for prompt in prompts}


def once(original: Callable[..., Any], disturb: Callable[[], Any], when: Callable[..., bool] = lambda *_: True) -> Any:  # noqa: ANN401
    """Wrap a function so that its first call, of those that match, is preceded by something."""
    left = [disturb]

    def disturbed(*args: Any, **options: Any) -> Any:  # noqa: ANN401
        if left and when(*args):
            left.pop()()
        return original(*args, **options)

    return disturbed


def test_throttled_submits_are_not_lost_ones(world: World) -> None:
    """Only replies that were lost count towards giving up: a submit that was refused before did not."""
    created(world)
    world.fake.fault(on="submit", kind="429", times=3)
    world.fake.fault(on="submit", kind="drop_before_accept")
    world.run_for(ENOUGH)
    assert_one_video(world, PROMPT)


def test_submit_step_that_runs_twice_at_once(world: World) -> None:
    """Of two runs of the submit step the slower one finds the attempt of the other, and fails nothing."""
    job = created(world)
    with patch.object(lane, "enter", once(lane.enter, lambda: start_task(job.id))):
        world.run_for(ENOUGH)
    assert_one_video(world, PROMPT)


def test_status_step_that_runs_twice_at_once(world: World) -> None:
    """A run that comes late to a change of state looks again, and does not end the job."""
    job = created(world)
    moved: list[Job] = []
    advance = store.advance

    def to_storing(before: Job, after: Job) -> bool:
        moved[:] = [before, after]
        return after.state.value == "storing"

    with patch.object(store, "advance", once(advance, lambda: advance(*moved), to_storing)):
        world.run_for(ENOUGH)
    assert "storing" == moved[1].state.value or world.job(job.id).result
    assert_one_video(world, PROMPT)


def test_time_of_a_lost_attempt_is_its_own(world: World) -> None:
    """A function killed before its POST does not take the task of the next submit, whose reply is lost, for its own."""
    world.fake.vendor.switches = replace(world.fake.vendor.switches, task_seconds=900.0)
    created(world)
    world.kills["StartTask"] = [3]
    world.run_for(1)
    world.clock.advance(96)
    created(world, OTHER)
    world.fake.fault(on="submit", kind="drop_after_accept")
    world.run_for(ENOUGH)
    assert_one_video(world, PROMPT, OTHER)


def test_late_task_of_a_lost_submit_is_left_to_its_owner(world: World) -> None:
    """A task from after a lost attempt's own time is not adopted; once another job has it, a new attempt may follow."""
    first = created(world)
    world.fake.fault(on="submit", kind="drop_before_accept")
    world.run_for(12)
    second = created(world, OTHER)
    world.fake.fault(on="submit", kind="drop_after_accept")
    world.run_for(ENOUGH)
    assert_one_video(world, PROMPT, OTHER)
    assert [True, False] == [world.job(job.id).is_adopted for job in (second, first)]


def test_late_task_that_nobody_owns_is_left_alone(world: World) -> None:
    """Where nobody takes it, the job ends with a reason, and no further submit is made."""
    job = created(world)
    world.fake.fault(on="submit", kind="drop_before_accept")
    world.run_for(20)
    world.foreign_task(OTHER)
    world.run_for(ENOUGH)
    failure = world.job(job.id).failure
    assert failure is not None
    assert ("outcome_unknown", 0) == (failure.code, len(world.tasks(PROMPT)))
    assert "left alone" in failure.message
    assert "DashScope's console" in failure.remedy


def test_lane_stays_closed_when_a_reply_cannot_be_written_down(world: World) -> None:
    """While the table is in trouble after a POST, no other attempt may enter the time of this one."""
    created(world)

    def trouble() -> None:
        raise AwsTrouble("The table is in trouble.")

    with patch.object(store, "claim", once(store.claim, trouble)):
        world.run_for(1)
        assert 1 == len(world.records("LANE"))
        world.run_for(ENOUGH)
    assert_one_video(world, PROMPT)


def test_one_answer_of_unknown_costs_no_paid_task(world: World) -> None:
    """DashScope has to say for a while that it does not know a task."""
    world.fake.vendor.switches = replace(world.fake.vendor.switches, task_seconds=400.0)
    job = created(world)
    world.run_for(200)
    world.fake.fault(on="query", kind="unknown")
    world.run_for(ENOUGH)
    assert_one_video(world, PROMPT)
    assert world.job(job.id).unknown_since is None


@pytest.mark.parametrize("kind", ["wrong_bytes", "403_expired"])
def test_video_that_came_wrong_is_asked_for_again(world: World, kind: str) -> None:
    """The next download may bring what was paid for."""
    job = created(world)
    world.fake.fault(on="download", kind=kind, times=3)
    world.run_for(ENOUGH)
    assert_one_video(world, PROMPT)
    result = world.job(job.id).result
    assert result is not None
    assert world.film_of(world.job(job.id).task_id) == result.sha256


def test_video_that_is_there_outlives_its_workflow(world: World) -> None:
    """A job whose video was stored succeeds, even when its workflow broke then and the deadline has passed."""
    job = created(world)
    world.kills["Finish"] = [0] * 7
    world.run_for(ENOUGH)
    assert world.job(job.id).result is not None
    assert "FAILED" == world.workflow.executions[job.id].status
    world.run_for(5 * 3600)
    world.sweep()
    world.run_for(60)
    assert_one_video(world, PROMPT)
    assert (world.receipt(f"{job.receipts}/video.json") or {})["job"] == job.id


def test_list_that_cannot_be_read_keeps_the_history_short(world: World) -> None:
    """The longer DashScope's list is out of order, the less often it is asked for; the deadline ends the job."""
    job = created(world)
    world.fake.fault(on="submit", kind="drop_after_accept")
    world.fake.fault(on="list", kind="500", rate=1)
    world.run_for(5 * 3600)
    failure = world.job(job.id).failure
    assert failure is not None
    assert ("outcome_unknown", 1) == (failure.code, len(world.tasks(PROMPT)))
    assert 3000 > world.workflow.executions[job.id].events


@pytest.mark.parametrize("hours", [0.0, 8.0])
def test_a_busy_day_hides_no_lost_reply(world: World, hours: float) -> None:
    """However many tasks the account had in the hours before, and whichever zone the list reads: the task is found."""
    world.fake.vendor.switches = replace(world.fake.vendor.switches, list_hours=hours)
    for _ in range(dashscope.LIST_PAGE_SIZE + 1):
        world.foreign_task(OTHER)
        world.clock.advance(60)
    world.clock.advance(600)
    world.fake.fault(on="submit", kind="drop_after_accept", times=1)
    with patch.object(dashscope, "LIST_PAGES_AT_MOST", 1):
        created(world)
        world.run_for(ENOUGH)
    assert_one_video(world, PROMPT)


def test_a_list_that_refuses_a_short_window_is_asked_for_a_long_one(world: World) -> None:
    """In the wrong zone a window may lie ahead. One that is refused is not taken for one without tasks."""
    ask = dashscope._tasks_in  # noqa: SLF001 - a vendor who refuses what the fake does not

    def strict(base_url: str, key: str, model: str, window: Any) -> list[ListedTask]:  # noqa: ANN401
        (_, first), (_, last) = window
        if first is last:
            raise VendorRefused("InvalidParameter", "The window lies ahead.")
        return ask(base_url, key, model, window)

    world.fake.fault(on="submit", kind="drop_after_accept", times=1)
    with patch.object(dashscope, "_tasks_in", strict):
        created(world)
        world.run_for(ENOUGH)
    assert_one_video(world, PROMPT)

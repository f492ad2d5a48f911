"""Failures that once cost a video or a second charge, each reduced to its minimum."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import dashscope
from gallop.adapters.table import jobs, submit_lease
from gallop.domain.errors import AwsTrouble, VendorRefused
from gallop.domain.views import remedy_of
from gallop.steps.start_task import start_task

from tests.support.promise.money import PROMPT, created
from tests.testbed.aws.kill_points import after, before

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.domain.dashscope.replies import ListedTask
    from gallop.domain.job import Job

    from tests.support.promise import Simulation

pytestmark = pytest.mark.promise("P2", "P3")

OTHER = "The girl of [Image 1] sings."
ENOUGH = 3000


def assert_one_video(simulation: Simulation, *prompts: str) -> None:
    """Assert that each request has one job that succeeded, and one task."""
    assert dict.fromkeys(prompts, "succeeded") == {job.request.prompt: job.state.value for job in simulation.jobs()}
    assert dict.fromkeys(prompts, 1) == {prompt: len(simulation.tasks(prompt)) for prompt in prompts}


def once(original: Callable[..., Any], disturb: Callable[[], Any], when: Callable[..., bool] = lambda *_: True) -> Any:  # noqa: ANN401
    """Wrap a function so that ``disturb`` runs before its first call that matches."""
    left = [disturb]

    def disturbed(*args: Any, **options: Any) -> Any:  # noqa: ANN401
        if left and when(*args):
            left.pop()()
        return original(*args, **options)

    return disturbed


def test_throttled_submits_are_not_lost_replies(simulation: Simulation) -> None:
    """Only lost replies count towards giving up: a submit that was refused does not."""
    created(simulation)
    simulation.fake.fault(on="submit", kind="429", times=3)
    simulation.fake.fault(on="submit", kind="drop_before_accept")
    simulation.run_for(ENOUGH)
    assert_one_video(simulation, PROMPT)


def test_submit_step_that_runs_twice_at_once(simulation: Simulation) -> None:
    """The slower of two runs finds the attempt of the other, and fails nothing."""
    job = created(simulation)
    with patch.object(submit_lease, "acquire", once(submit_lease.acquire, lambda: start_task(job.id))):
        simulation.run_for(ENOUGH)
    assert_one_video(simulation, PROMPT)


def test_status_step_that_runs_twice_at_once(simulation: Simulation) -> None:
    """A run that notices a change of state too late reads again, and does not end the job."""
    job = created(simulation)
    moved: list[Job] = []
    advance = jobs.advance

    def to_storing(before: Job, after: Job) -> bool:
        moved[:] = [before, after]
        return after.state.value == "storing"

    with patch.object(jobs, "advance", once(advance, lambda: advance(*moved), to_storing)):
        simulation.run_for(ENOUGH)
    assert "storing" == moved[1].state.value or simulation.job(job.id).result
    assert_one_video(simulation, PROMPT)


def test_lost_attempt_has_its_own_time_window(simulation: Simulation) -> None:
    """A function killed before its POST does not claim the task of the next submit, whose reply is lost."""
    simulation.fake.vendor.switches = replace(simulation.fake.vendor.switches, task_seconds=900.0)
    created(simulation)
    simulation.kills["StartTask"] = [after("UpdateItem", 2)]
    simulation.run_for(1)
    simulation.clock.advance(96)
    created(simulation, OTHER)
    simulation.fake.fault(on="submit", kind="drop_after_accept")
    simulation.run_for(ENOUGH)
    assert_one_video(simulation, PROMPT, OTHER)


def test_late_task_of_a_lost_submit_is_left_to_its_owner(simulation: Simulation) -> None:
    """A task created after a lost attempt's window is not adopted; if another job has it, a new attempt may follow."""
    first = created(simulation)
    simulation.fake.fault(on="submit", kind="drop_before_accept")
    simulation.run_for(12)
    second = created(simulation, OTHER)
    simulation.fake.fault(on="submit", kind="drop_after_accept")
    simulation.run_for(ENOUGH)
    assert_one_video(simulation, PROMPT, OTHER)
    assert [True, False] == [simulation.job(job.id).is_adopted for job in (second, first)]


def test_late_task_that_nobody_owns_is_left_alone(simulation: Simulation) -> None:
    """If no job claims it, the job ends with a reason, and no further submit is made."""
    job = created(simulation)
    simulation.fake.fault(on="submit", kind="drop_before_accept")
    simulation.run_for(20)
    simulation.foreign_task(OTHER)
    simulation.run_for(ENOUGH)
    failure = simulation.job(job.id).failure
    assert failure is not None
    assert ("outcome_unknown", 0) == (failure.code, len(simulation.tasks(PROMPT)))
    assert "none was adopted" in failure.message
    assert "DashScope's console" in remedy_of(simulation.job(job.id), failure)


def test_lane_stays_closed_while_a_reply_cannot_be_recorded(simulation: Simulation) -> None:
    """While the table is unavailable after a POST, no other attempt may start within its time window."""
    created(simulation)

    def trouble() -> None:
        raise AwsTrouble("The table is unavailable.")

    with patch.object(jobs, "claim", once(jobs.claim, trouble)):
        simulation.run_for(1)
        assert 1 == len(simulation.records("LANE"))
        simulation.run_for(ENOUGH)
    assert_one_video(simulation, PROMPT)


def test_one_unknown_answer_costs_no_paid_task(simulation: Simulation) -> None:
    """DashScope must report a task as unknown for a while before the job ends."""
    simulation.fake.vendor.switches = replace(simulation.fake.vendor.switches, task_seconds=400.0)
    job = created(simulation)
    simulation.run_for(200)
    simulation.fake.fault(on="query", kind="unknown")
    simulation.run_for(ENOUGH)
    assert_one_video(simulation, PROMPT)
    assert simulation.job(job.id).unknown_since is None


@pytest.mark.parametrize("kind", ["wrong_bytes", "403_expired"])
def test_damaged_video_is_downloaded_again(simulation: Simulation, kind: str) -> None:
    """The next download may be complete."""
    job = created(simulation)
    simulation.fake.fault(on="download", kind=kind, times=3)
    simulation.run_for(ENOUGH)
    assert_one_video(simulation, PROMPT)
    result = simulation.job(job.id).result
    assert result is not None
    assert simulation.film_of(simulation.job(job.id).task_id) == result.sha256


def test_stored_video_outlives_its_workflow(simulation: Simulation) -> None:
    """A job whose video was stored succeeds, even if its workflow failed then and the deadline has passed."""
    job = created(simulation)
    simulation.kills["Finish"] = [before("GetItem")] * 7
    simulation.run_for(ENOUGH)
    assert simulation.job(job.id).result is not None
    assert "FAILED" == simulation.workflow.executions[job.id].status
    simulation.run_for(5 * 3600)
    simulation.sweep()
    simulation.run_for(60)
    assert_one_video(simulation, PROMPT)
    assert simulation.receipt(f"{job.receipts}/video.json")["job"] == job.id


def test_unreadable_list_keeps_the_history_short(simulation: Simulation) -> None:
    """The longer DashScope's list fails, the less often it is requested; the deadline ends the job."""
    job = created(simulation)
    simulation.fake.fault(on="submit", kind="drop_after_accept")
    simulation.fake.fault(on="list", kind="500", rate=1)
    simulation.run_for(5 * 3600)
    failure = simulation.job(job.id).failure
    assert failure is not None
    assert ("outcome_unknown", 1) == (failure.code, len(simulation.tasks(PROMPT)))
    assert 3000 > simulation.workflow.executions[job.id].events


@pytest.mark.parametrize("hours", [0.0, 8.0])
def test_a_busy_day_hides_no_lost_reply(simulation: Simulation, hours: float) -> None:
    """The task is found despite many tasks in the hours before, and in whichever time zone the list is read."""
    simulation.fake.vendor.switches = replace(simulation.fake.vendor.switches, list_hours=hours)
    for _ in range(dashscope.LIST_PAGE_SIZE + 1):
        simulation.foreign_task(OTHER)
        simulation.clock.advance(60)
    simulation.clock.advance(600)
    simulation.fake.fault(on="submit", kind="drop_after_accept", times=1)
    with patch.object(dashscope, "MAX_LIST_PAGES", 1):
        created(simulation)
        simulation.run_for(ENOUGH)
    assert_one_video(simulation, PROMPT)


def test_a_list_that_refuses_a_short_window_is_queried_with_a_long_one(simulation: Simulation) -> None:
    """In the wrong zone a window may be in the future. A refused window does not count as one without tasks."""
    ask = dashscope._tasks_in  # noqa: SLF001 - a vendor who refuses what the fake does not

    def strict(base_url: str, key: str, model: str, window: Any) -> list[ListedTask]:  # noqa: ANN401
        (_, first), (_, last) = window
        if first is last:
            raise VendorRefused("InvalidParameter", "The window lies ahead.")
        return ask(base_url, key, model, window)

    simulation.fake.fault(on="submit", kind="drop_after_accept", times=1)
    with patch.object(dashscope, "_tasks_in", strict):
        created(simulation)
        simulation.run_for(ENOUGH)
    assert_one_video(simulation, PROMPT)

"""DashScope's completion events against the promise: early, late, twice, never, and killed half-way."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import dashscope
from gallop.domain.dashscope import completion_event, replies
from gallop.domain.errors import AwsTrouble
from gallop.steps import listen

from tests.support.promise import Simulation, fresh
from tests.support.promise.events import Delivery
from tests.support.promise.recorded import OF_A_JOB, OF_A_WAIT
from tests.testbed.aws.kill_points import points_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job

    from tests.testbed.aws.kill_points import KillPoint


PROMPT = "The girl of [Image 1] waves."
ENOUGH = 1000
Plan = dict[float, tuple[int, int]]
MODES: list[dict[str, Any]] = [
    {},
    {"delay_seconds": 0},
    {"delay_seconds": 40},
    {"mode": "twice"},
    {"mode": "late"},
    {"mode": "never"},
]
# The first two end before the first poll of the schedule, the last one long after it.
TASK_SECONDS = (0.5, 20.0, 63.1, 403.0)
SECONDS_TO_THE_NEXT_TRY = 15


@pytest.fixture(scope="module")
def schedule() -> Plan:
    """Return, by task duration, how often a job is polled without events, and how late its end is noticed."""
    found = {}
    for seconds in TASK_SECONDS:
        with fresh() as other:
            job = run(other, seconds)
            found[seconds] = job.polls, delay(other, job)
    return found


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Yield an empty simulation that listens."""
    with fresh(listening=True) as made:
        yield made


def run(simulation: Simulation, task_seconds: float = 60.0, seconds: float = ENOUGH) -> Job:
    """Create a job with a task of this duration, and run it and the events after its end."""
    simulation.fake.vendor.switches = replace(simulation.fake.vendor.switches, task_seconds=task_seconds)
    made = simulation.post(PROMPT)
    assert not isinstance(made, dict)
    simulation.run_for(seconds)
    return simulation.job(made.job.id)


def assert_one_video(simulation: Simulation, job: Job) -> None:
    """Assert that the request has one job that succeeded, one task and the vendor's own bytes."""
    assert ("succeeded", 1) == (job.state.value, len(simulation.tasks(PROMPT))), job.failure
    assert job.result
    assert job.result.sha256 == simulation.film_of(job.task_id)


def delay(simulation: Simulation, job: Job) -> int:
    """Return the seconds from the task's end to the job's, without DashScope's time to start."""
    assert job.ended_at
    return round(job.ended_at - simulation.fake.vendor.tasks[job.task_id].ended)


def waits(simulation: Simulation, job: Job) -> int:
    """Return how many waits of a job's execution were started with a token."""
    return sum(1 for run in simulation.made["Status"] if run == ["UpdateItem"]) if job else 0


@pytest.mark.parametrize("rule", MODES, ids=str)
@pytest.mark.parametrize("task_seconds", TASK_SECONDS[1:3])
def test_the_result_does_not_depend_on_events(
    simulation: Simulation, rule: dict[str, Any], task_seconds: float
) -> None:
    """With or without the event, once or twice, early or late: one task, one charge, one video."""
    simulation.notify(**rule)
    assert_one_video(simulation, run(simulation, task_seconds))
    assert {200} >= {status for status, _ in simulation.events.answers}


@pytest.mark.parametrize("task_seconds", TASK_SECONDS)
def test_the_end_is_noticed_immediately(schedule: Plan, simulation: Simulation, task_seconds: float) -> None:
    """It takes a second for the event and one between two polls; by polling alone it may take a minute."""
    polls, seconds = schedule[task_seconds]
    simulation.notify()
    job = run(simulation, task_seconds)
    assert delay(simulation, job) <= 3 <= seconds
    assert polls >= job.polls


def test_a_short_task_needs_one_poll(simulation: Simulation) -> None:
    """Its end is reported before the first scheduled poll."""
    simulation.notify()
    job = run(simulation, 20.0)
    assert (1, 1) == (job.polls, waits(simulation, job))


@pytest.mark.parametrize("rule", [{"mode": "never"}, {"mode": "late"}], ids=str)
@pytest.mark.parametrize("task_seconds", TASK_SECONDS[2:])
def test_without_events_the_schedule_is_the_same(
    schedule: Plan, simulation: Simulation, rule: dict[str, Any], task_seconds: float
) -> None:
    """Lost events cost nothing: polls come at the same times as in a stack without events."""
    simulation.notify(**rule)
    job = run(simulation, task_seconds)
    assert schedule[task_seconds] == (job.polls, delay(simulation, job))


def test_a_second_event_changes_nothing(simulation: Simulation) -> None:
    """It finds that the end was reported, and wakes no execution."""
    simulation.notify(mode="twice")
    run(simulation, 20.0)
    assert [(200, '{"result": "received"}'), (200, '{"result": "already_received"}')] == simulation.events.answers
    assert ["GetItem", "UpdateItem"] == simulation.made["Wake"][1]


def test_an_event_before_its_wait_is_not_lost(simulation: Simulation) -> None:
    """If it arrives before the job's wait, the wait does not start, and the poll comes immediately."""
    simulation.notify(delay_seconds=0)
    original = listen.listen
    early: list[str] = []

    def late(job_id: str, token: str) -> None:
        if not early:
            early.append(job_id)
            simulation.clock.advance(30)
            simulation.fake.tick()
            while simulation.events.deliver():
                pass
        original(job_id, token)

    with patch("functions.status.app.listen", late):
        job = run(simulation, 20.0)
    assert_one_video(simulation, job)
    assert (1, 10) == (job.polls, round(delay(simulation, job)))


def test_an_event_that_comes_too_early_costs_one_poll(simulation: Simulation) -> None:
    """If DashScope says that the task still runs, the job waits for events again and polls by schedule: no loop."""
    simulation.notify(delay_seconds=0)
    answers = [replies.TaskWaiting()] * 2
    query = dashscope.query

    def behind(*arguments: str) -> replies.Task:
        return answers.pop() if answers else query(*arguments)

    with patch.object(dashscope, "query", behind):
        job = run(simulation, 20.0)
    assert_one_video(simulation, job)
    assert (3, True) == (job.polls, delay(simulation, job) < 60)


def test_an_event_for_a_wait_that_is_over_is_kept(simulation: Simulation) -> None:
    """The token was already used: the event is kept for the next wait, which does not start."""
    simulation.notify(delay_seconds=0)
    query = dashscope.query
    came: list[Delivery] = []

    def meanwhile(*arguments: str) -> replies.Task:
        task = query(*arguments)
        if isinstance(task, replies.TaskWaiting) and not came:
            # The answer is on its way when the task ends.
            simulation.clock.advance(34)
            simulation.fake.tick()
            came.extend(simulation.events.waiting)
        return task

    with patch.object(dashscope, "query", meanwhile):
        job = run(simulation, 60.0)
    assert_one_video(simulation, job)
    assert 1 == len(came)
    assert 15 >= delay(simulation, job)


@pytest.mark.parametrize("kill", points_of(OF_A_JOB["Wake"]), ids=str)
def test_an_event_whose_taking_is_killed_is_brought_again(simulation: Simulation, kill: KillPoint) -> None:
    """After each of its calls: the next delivery finishes what was begun, and nothing happens twice."""
    simulation.notify()
    simulation.kills["Wake"] = [kill]
    job = run(simulation, 20.0)
    assert_one_video(simulation, job)
    assert 1 == job.polls
    assert SECONDS_TO_THE_NEXT_TRY + 2 >= delay(simulation, job)
    assert ([200], []) == ([status for status, _ in simulation.events.answers], simulation.events.waiting)


def test_an_event_is_taken_in_four_calls(simulation: Simulation) -> None:
    """Whose task, whom to wake, wake, note it."""
    simulation.notify()
    run(simulation, 20.0)
    assert [["GetItem", "UpdateItem", "SendTaskSuccess", "UpdateItem"]] == simulation.made["Wake"]


@pytest.mark.parametrize("kill", points_of(OF_A_WAIT), ids=str)
def test_a_wait_that_cannot_begin_waits_without_listening(simulation: Simulation, kill: KillPoint) -> None:
    """The function died before or after it noted the token: the wait is as long as ever, and then it asks."""
    simulation.notify()
    simulation.kills["Status"] = [kill]
    job = run(simulation, 20.0)
    assert_one_video(simulation, job)
    assert 60 >= delay(simulation, job)


def test_an_unavailable_table_causes_no_loop(schedule: Plan, simulation: Simulation) -> None:
    """Without stored tokens the job is polled as often as without events, and not more."""
    simulation.notify()
    with patch("functions.status.app.listen", side_effect=AwsTrouble("no")):
        job = run(simulation, 403.0)
    assert_one_video(simulation, job)
    assert schedule[403.0] == (job.polls, delay(simulation, job))


def test_a_task_of_another_account_user_is_ignored(simulation: Simulation) -> None:
    """It costs one read and no write, and the 2xx answer prevents a second delivery."""
    simulation.notify()
    simulation.foreign_task("Somebody else's request for [Image 1].")
    simulation.run_for(100)
    assert [(200, '{"result": "not_ours"}')] == simulation.events.answers
    assert [["GetItem"]] == simulation.made["Wake"]
    assert [] == simulation.records("COMPLETION")


def test_an_event_is_never_trusted(simulation: Simulation) -> None:
    """If it says SUCCEEDED for a task that failed, DashScope's answer decides."""
    simulation.notify()
    simulation.fake.fault(on="task", kind="fail")
    job = run(simulation, 20.0)
    assert ("failed", "generation_failed") == (job.state.value, job.failure and job.failure.code)


def test_a_lost_reply_is_not_found_by_an_event(simulation: Simulation) -> None:
    """A task that no job owns yet is ignored; the reconciler finds it as usual, and there is one charge."""
    simulation.notify()
    simulation.fake.fault(on="submit", kind="drop_after_accept")
    assert_one_video(simulation, run(simulation, 0.5))
    assert '{"result": "not_ours"}' in {body for _, body in simulation.events.answers}


def polled_at(simulation: Simulation) -> list[float]:
    """Return the growing list of times at which tasks are polled."""
    times: list[float] = []

    def note(name: str) -> None:
        if name == "QueryTask":
            times.append(simulation.clock.now())

    simulation.calls.on_call = note
    return times


@pytest.mark.parametrize("task_seconds", TASK_SECONDS)
def test_no_task_is_polled_twice_within_a_second(simulation: Simulation, task_seconds: float) -> None:
    """The only exception is the query for the address of the video, right after the one that found the end."""
    times = polled_at(simulation)
    simulation.notify(mode="twice")
    run(simulation, task_seconds)
    assert len(times) > 1
    assert all(later - earlier >= 1 for earlier, later in pairwise(times[:-1]))


def test_an_event_right_after_a_poll_waits_a_second(simulation: Simulation) -> None:
    """An event is not trusted and leads to a poll, but not to one that comes too early."""
    times = polled_at(simulation)
    job = run(simulation, 403.0, seconds=0)
    while not times:
        simulation.run_for(1)
    simulation.clock.advance(0.2)
    data = {"task_id": simulation.job(job.id).task_id}
    event = {"source": completion_event.SOURCE, "type": completion_event.TYPE, "data": data}
    simulation.events.waiting.append(Delivery(json.dumps(event), simulation.clock.now()))
    simulation.run_for(0.1)
    assert 2 == len(times)
    # Times are stored to the millisecond.
    assert round(times[1] - times[0], 2) >= 1

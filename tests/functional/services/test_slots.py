"""Slots: so many jobs are at DashScope at a time, the others wait for nothing but their turn, and none is forgotten."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters.stepfunctions import job_workflow as workflow
from gallop.adapters.table import jobs as store
from gallop.adapters.table import slots
from gallop.adapters.table import task_durations as durations
from gallop.domain.job import JobState
from gallop.doors.https import long_poll as watching
from gallop.doors.https import videos
from gallop.doors.https.bodies import Body
from gallop.doors.https.identity import Caller
from gallop.services import slots as steps
from gallop.services.cancel import Cancellation, cancel

from tests.support.promise import World, fresh
from tests.support.promise.calls import Killed
from tests.support.promise.world import PICTURE_URL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job

SLOTS = 3
SWEEP_SECONDS = 60
TASK_SECONDS = 60
DAY = 86_400


@pytest.fixture
def world() -> Iterator[World]:
    """Give an empty world in which three tasks may be in flight."""
    with fresh() as made, patch.dict("os.environ", {"MAX_IN_FLIGHT": str(SLOTS)}):
        yield made


def create(world: World, prompt: str, client: str = "ada", **fields: Any) -> Job:  # noqa: ANN401 - JSON
    """Create a job, a moment after the one before."""
    world.clock.advance(0.001)
    body = {"prompt": prompt, "images": [PICTURE_URL], "duration": 3, **fields}
    made = videos.create_video(client, Body(json.dumps(body).encode(), "application/json"), {})
    assert not isinstance(made, dict)
    return made.job


def run(world: World, seconds: float) -> None:
    """Let time pass, with the sweep that comes every minute."""
    until = world.clock.now() + seconds
    while world.clock.now() < until:
        world.run_for(min(SWEEP_SECONDS, until - world.clock.now()))
        swept(world)


def swept(world: World) -> None:
    """Run the sweep, which may be killed as any function."""
    with suppress(Killed):
        world.sweep()
    world.run_due()


def started(world: World) -> list[str]:
    """Name the tasks at the vendor by their prompts, in their order."""
    return [task["prompt"] for task in world.tasks()]


def in_flight(world: World) -> int:
    """Count the vendor's tasks that have not ended."""
    return sum(task["status"] in ("PENDING", "RUNNING") for task in world.tasks())


def gate() -> slots.Gate:
    """Give the only gate."""
    (only,) = slots.gates()
    return only


def test_no_more_tasks_than_slots(world: World) -> None:
    """However many jobs come at once, at most so many are at DashScope at any moment, and all are made."""
    most = [0]

    def look(_: str) -> None:
        most[0] = max(most[0], in_flight(world))

    world.calls.on_call = look
    jobs = [create(world, f"job {number}") for number in range(15)]
    run(world, 15 * 2 * TASK_SECONDS)
    assert {"succeeded"} == {world.job(job.id).state.value for job in jobs}
    assert (SLOTS, len(jobs)) == (most[0], len(world.tasks()))
    assert {} == gate().holders


def test_a_freed_slot_goes_on_at_once(world: World) -> None:
    """The moment at which Gallop learns that a task has ended is the moment at which the next one is sent."""
    for number in range(SLOTS + 1):
        create(world, f"job {number}")
    world.run_due()
    assert SLOTS == len(world.tasks())
    while len(world.tasks()) == SLOTS:
        world.run_for(1)
    ended = min(job.updated_at for job in world.jobs() if job.state is not JobState.RUNNING)
    assert world.clock.now() - ended <= 1


def test_waiting_costs_nothing(world: World) -> None:
    """A job that waited a day goes through as many states as one that did not, and no function runs meanwhile."""
    quick = create(world, "quick")
    run(world, 4 * TASK_SECONDS)
    with patch.dict("os.environ", {"MAX_IN_FLIGHT": "0"}):
        late = create(world, "late")
        world.run_due()
        runs = {name: len(made) for name, made in world.made.items() if name != "Reconcile"}
        for _ in range(24):
            world.run_for(DAY / 24)
            world.sweep()
        assert runs == {name: len(made) for name, made in world.made.items() if name != "Reconcile"}
    run(world, 4 * TASK_SECONDS)
    histories = [world.workflow.executions[job.id].events for job in (quick, late)]
    assert histories[0] == histories[1]
    assert ["succeeded", "succeeded"] == [world.job(job.id).state.value for job in (quick, late)]


def test_clients_take_turns(world: World) -> None:
    """Round robin over clients, first come first served within one: a late single job starts next."""
    for number in range(12):
        create(world, f"ada {number}", "ada")
    for number in range(2):
        create(world, f"bob {number}", "bob")
    world.run_due()
    run(world, TASK_SECONDS)
    create(world, "eve 0", "eve")
    run(world, 10 * TASK_SECONDS)
    order = started(world)
    assert ["ada 0", "ada 1", "ada 2", "bob 0", "eve 0", "ada 3", "bob 1", "ada 4"] == order[:8]
    assert [f"ada {number}" for number in range(12)] == [name for name in order if name.startswith("ada")]


def test_priority_is_within_a_client(world: World) -> None:
    """A job of a higher priority starts before its client's others, and not before those of other clients."""
    for number in range(5):
        create(world, f"ada {number}", "ada")
    world.run_due()
    create(world, "bob 0", "bob")
    create(world, "ada urgent", "ada", priority=9)
    run(world, 6 * TASK_SECONDS)
    assert ["ada 0", "ada 1", "ada 2", "bob 0", "ada urgent", "ada 3", "ada 4"] == started(world)


@pytest.mark.parametrize("priority", [-1, 10, 1.5, "high", True])
def test_priority_is_checked(world: World, priority: object) -> None:
    """A priority that is none is refused in words, before anything is made."""
    del world
    body = {"prompt": "x", "images": [PICTURE_URL], "priority": priority}
    with pytest.raises(Exception, match="priority"):
        videos.create_video("ada", Body(json.dumps(body).encode(), "application/json"), {})


def test_those_who_wait_know_their_place(world: World) -> None:
    """GET and status.json tell the place and when the turn is likely to come; the receipt again when it has halved."""
    jobs = [create(world, f"job {number}") for number in range(SLOTS + 5)]
    world.run_due()
    last = videos.view(videos.video(Caller("ada"), jobs[-1].id))
    assert (5, "queued") == (last["place"], last["state"])
    assert world.clock.now() < last["estimated_start"] < world.clock.now() + 30 * TASK_SECONDS
    receipt = world.receipt(f"{jobs[-1].receipts}/status.json") or {}
    assert 5 == receipt["place"]
    assert receipt["estimated_start"]
    run(world, 1.5 * TASK_SECONDS)
    assert 2 == (world.receipt(f"{jobs[-1].receipts}/status.json") or {})["place"]
    assert videos.view(videos.video(Caller("ada"), jobs[0].id))["place"] is None


def test_a_crowd_that_asks_for_places_reads_the_line_once(world: World) -> None:
    """Who asks within the same few seconds is shown the line as it was read for the first; later it is read anew."""
    jobs = [create(world, f"job {number}") for number in range(SLOTS + 5)]
    world.run_due()
    with world.calls.run():
        places = [videos.view(videos.video(Caller("ada"), job.id))["place"] for job in jobs * 3]
        assert [*[None] * SLOTS, 1, 2, 3, 4, 5] * 3 == places
        assert 1 == world.calls.made.count("Query")
    cancel(jobs[SLOTS].id)
    world.clock.advance(steps.LINE_KEPT_SECONDS)
    assert 1 == videos.view(videos.video(Caller("ada"), jobs[SLOTS + 1].id))["place"]


def test_to_join_a_long_line_costs_no_more_than_a_short_one(world: World) -> None:
    """A newcomer to a long line reads not the whole of it: the next sweep, which does so once for all, tells places."""
    with patch.object(steps, "SHORT_LINE", 2):
        jobs = [create(world, f"job {number}") for number in range(SLOTS + 4)]
        world.run_due()
        assert [1, 2, None, None] == [world.job(job.id).place for job in jobs[SLOTS:]]
        world.sweep()
    assert [1, 2, 3, 4] == [world.job(job.id).place for job in jobs[SLOTS:]]


def test_cancel_of_a_waiting_job_is_free_and_immediate(world: World) -> None:
    """No question to DashScope, no slot, no task; its execution ends, and those behind it move up."""
    jobs = [create(world, f"job {number}") for number in range(SLOTS + 2)]
    world.run_due()
    before = world.fake.ledger()["requests"]
    assert Cancellation.CANCELLED is cancel(jobs[SLOTS].id)[1]
    assert before == world.fake.ledger()["requests"]
    world.run_due()
    assert "SUCCEEDED" == world.workflow.executions[jobs[SLOTS].id].status
    run(world, 6 * TASK_SECONDS)
    assert f"job {SLOTS}" not in started(world)
    assert SLOTS + 1 == len(world.tasks())
    assert [] == world.records("TURN")


def test_one_that_waits_too_long_is_told_so(world: World) -> None:
    """After QueueHours a waiting job fails, nothing is charged, and it leaves the line."""
    with patch.dict("os.environ", {"MAX_IN_FLIGHT": "0"}):
        job = create(world, "late")
        world.run_due()
        world.run_for(71 * 3600)
        world.sweep()
        assert JobState.QUEUED is world.job(job.id).state
        world.run_for(2 * 3600)
        world.sweep()
        world.run_due()
    failed = world.job(job.id)
    assert failed.failure is not None
    assert ("waited_too_long", 0, "SUCCEEDED") == (
        failed.failure.code,
        len(world.tasks()),
        world.workflow.executions[job.id].status,
    )
    assert {} == slots.waiting(job.lane)


def test_the_deadline_begins_with_the_turn(world: World) -> None:
    """A job that waited has as long for its task as one that did not."""
    with patch.dict("os.environ", {"MAX_IN_FLIGHT": "0"}):
        job = create(world, "late")
        world.run_for(20 * 3600)
    world.sweep()
    assert 240 * 60 == round(world.job(job.id).deadline - world.clock.now())


@pytest.mark.parametrize("function", ["TakeSlot", "Status", "Finish", "Reconcile"])
def test_no_breakdown_loses_a_slot_or_a_turn(world: World, function: str) -> None:
    """Killed at each of its calls, once a job: all jobs end, no slot stays taken, nobody waits, no task is doubled."""
    calls = 16
    world.kills[function] = list(range(calls))
    jobs = [create(world, f"job {number}") for number in range(calls + SLOTS)]
    for _ in range(60):
        run(world, 2 * SWEEP_SECONDS)
        assert len(gate().holders) <= SLOTS
        if all(world.job(job.id).state is JobState.SUCCEEDED for job in jobs):
            break
    run(world, calls * SWEEP_SECONDS)
    assert [] == world.kills[function]
    assert {"succeeded"} == {world.job(job.id).state.value for job in jobs}
    assert sorted(job.request.prompt for job in jobs) == sorted(started(world))
    assert ({}, [], {}) == (gate().holders, world.records("TURN"), slots.waiting(jobs[0].lane))


def test_a_lost_wake_up_is_made_good_within_a_minute(world: World) -> None:
    """A slot that was given, and whose job was not told, is told by the next sweep."""
    with patch.object(slots, "wake", lambda _: False):
        job = create(world, "lost")
        world.run_due()
    assert (1, 0) == (len(gate().holders), len(world.tasks()))
    world.sweep()
    world.run_due()
    assert (JobState.RUNNING, 1) == (world.job(job.id).state, len(world.tasks()))


def test_the_slot_of_a_job_that_is_gone_is_freed(world: World) -> None:
    """A slot whose job has ended, or is no more, goes to the next one within a minute."""
    with patch.object(slots, "free", lambda *_: None):
        for number in range(SLOTS):
            create(world, f"job {number}")
        world.run_for(4 * TASK_SECONDS)
    assert SLOTS == len(gate().holders)
    job = create(world, "next")
    world.run_due()
    assert job.id not in gate().holders
    world.sweep()
    world.run_due()
    assert [job.id] == [*gate().holders]


def test_a_waiting_execution_that_broke_down_is_started_again(world: World) -> None:
    """When its turn comes nobody is there to be told; the sweep sees it, and the job is made once."""
    for number in range(SLOTS):
        create(world, f"job {number}")
    job = create(world, "broken")
    world.run_due()
    world.workflow.abort(job.id)
    run(world, 8 * TASK_SECONDS)
    assert ("succeeded", 1) == (world.job(job.id).state.value, len(world.tasks("broken")))


def test_a_refusal_slows_all_down_and_they_recover(world: World) -> None:
    """After a 429 nobody of the lane submits for a while; then they do, and the pace comes back by itself."""
    world.fake.fault(on="submit", kind="429", times=3)
    times: list[float] = []
    world.calls.on_call = lambda name: times.append(world.clock.now()) if name.startswith("POST") else None
    for number in range(SLOTS):
        create(world, f"job {number}")
    world.run_for(60)
    between = [later - earlier for earlier, later in pairwise(times)]
    assert [1, 2, 4] == [int(math.log2(seconds) >= power) * 2**power for power, seconds in enumerate(between[:3])]
    run(world, 6 * TASK_SECONDS)
    assert SLOTS + 3 == world.fake.ledger()["requests"]["submit"]
    assert {"succeeded"} == {job.state.value for job in world.jobs()}
    for number in range(6):
        create(world, f"more {number}")
        run(world, 4 * TASK_SECONDS)
    (item,) = world.records("LANE")
    assert "0.250" == item["interval"]["N"]


def test_an_account_without_room_fails_no_job(world: World) -> None:
    """Refused for the limits again and again, a job waits for its deadline and not for a number of tries."""
    world.fake.fault(on="submit", kind="429", times=25)
    job = create(world, "patient")
    run(world, 2.5 * 3600)
    assert "succeeded" == world.job(job.id).state.value
    assert 26 == store.job(job.id).submits


def test_more_hours_in_line_keep_every_place(world: World) -> None:
    """A place outlives the hours that held when it was taken: QueueHours may be raised over a backlog."""
    job = [create(world, f"job {number}") for number in range(SLOTS + 1)][-1]
    world.run_due()
    items = world.clients["dynamodb"].scan(TableName="jobs")["Items"]
    waits = [item for item in items if item["sk"]["S"] == "TURN" or item["pk"]["S"].startswith("LINE#")]
    assert all(144 * 3600 < int(item["expires_at"]["N"]) - job.created_at for item in waits)
    assert 2 == len(waits)


@pytest.mark.parametrize(("slots_there", "at_once"), [(1, 1), (3, 3), (5, 5), (6, 5), (8, 7)])
def test_the_start_is_estimated_from_those_that_run(world: World, slots_there: int, at_once: int) -> None:
    """A turn comes with each end, and DashScope runs five at a time, or as many as there are slots."""
    with patch.dict("os.environ", {"MAX_IN_FLIGHT": str(slots_there)}):
        jobs = [create(world, f"job {number}") for number in range(slots_there + at_once + 1)]
        world.run_for(1)
        waits = [estimate(job, world) for job in jobs[slots_there:]]
    mean = durations.known(jobs[0].request).mean
    assert [pytest.approx(mean, abs=3)] * at_once == waits[:-1]
    assert pytest.approx(2 * mean, abs=3) == waits[-1]


def estimate(job: Job, world: World) -> float:
    """Give the seconds until a job's turn, as GET tells them."""
    return float(videos.view(videos.video(Caller("ada"), job.id))["estimated_start"] - world.clock.now())


def test_whoever_waits_and_asks_again_is_told_that_nothing_has_changed(world: World) -> None:
    """The estimate stands still while its grounds do, and so the tag is the same; nobody need ask every few seconds."""
    jobs = [create(world, f"job {number}") for number in range(4 * SLOTS)]
    world.run_for(1)
    tags = []
    for _ in range(2):
        tags.append(watching.tag_of(videos.view(videos.video(Caller("ada"), jobs[-1].id))))
        world.clock.advance(7)
    assert tags[0] == tags[1]
    job = world.job(jobs[-1].id)
    assert "60" == videos.poll_headers(job, videos.view(job))["Retry-After"]


def test_a_hundred_slots_are_given_out_at_once(world: World) -> None:
    """As many as MaxInFlight may be raised to."""
    jobs = [create(world, f"job {number}") for number in range(SLOTS + 100)]
    world.run_due()
    with patch.dict("os.environ", {"MAX_IN_FLIGHT": "100"}):
        steps.admit(jobs[0].lane)
    assert 100 == len(slots.gate(jobs[0].lane).holders)


def test_a_record_that_nobody_can_read_holds_up_no_other(world: World) -> None:
    """As one of another version of Gallop: the sweep goes on to the next job."""
    old = create(world, "old")
    key = {"pk": {"S": f"JOB#{old.id}"}, "sk": {"S": "JOB"}}
    world.clients["dynamodb"].update_item(TableName="jobs", Key=key, UpdateExpression="REMOVE reserved, parked")
    with patch.object(workflow, "start"):
        young = create(world, "young")
    run(world, 5 * TASK_SECONDS)
    assert JobState.SUCCEEDED is world.job(young.id).state


def test_who_is_deleted_right_after_its_cancel_leaves_no_failed_execution(world: World) -> None:
    """The execution of a job whose record is gone has nothing left to do, and no alarm rings."""
    jobs = [create(world, f"job {number}") for number in range(SLOTS + 1)]
    world.run_due()
    cancel(jobs[-1].id)
    videos.delete_video(Caller("ada"), jobs[-1].id)
    run(world, 3 * TASK_SECONDS)
    assert "SUCCEEDED" == world.workflow.executions[jobs[-1].id].status

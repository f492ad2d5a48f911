"""Slots limit the tasks at DashScope; other jobs wait in a queue, in which none is forgotten."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop import settings
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.table import jobs, slots, task_durations
from gallop.domain.job import JobState
from gallop.doors.https import long_poll, videos
from gallop.doors.https.bodies import Body
from gallop.doors.https.identity import Caller
from gallop.services import slots as steps
from gallop.services.cancel import Cancellation, cancel

from tests.support.calls import Killed
from tests.support.promise import Simulation, fresh
from tests.support.promise.recorded import OF_A_JOB
from tests.support.promise.simulation import API_URL, PICTURE_URL
from tests.template import stack
from tests.testbed.aws.kill_points import points_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job

pytestmark = pytest.mark.promise("P5")

SLOTS = 3
SWEEP_SECONDS = stack.sweep_seconds()
QUEUE_HOURS = int(stack.parameter("QueueHours"))
TASK_SECONDS = 60
DAY = 86_400
# Of the wait, the run that polls once, and the choice.
EVENTS_OF_A_POLL = 9


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Yield an empty simulation in which three tasks may be in flight.

    It runs one function at a time: while one slept, all tasks would end, and their slots be freed in one moment.
    """
    with (
        fresh() as made,
        patch.dict("os.environ", {"MAX_IN_FLIGHT": str(SLOTS), "MAX_WAIT_SECONDS": "0"}),
    ):
        yield made


def create(simulation: Simulation, prompt: str, client: str = "ada", **fields: Any) -> Job:  # noqa: ANN401 - JSON
    """Create a job, a moment after the one before."""
    simulation.clock.advance(0.001)
    body = {"prompt": prompt, "images": [PICTURE_URL], "duration": 3, **fields}
    made = videos.create_video(client, Body(json.dumps(body).encode(), "application/json"), {}, API_URL)
    assert not isinstance(made, dict)
    return made.job


def run(simulation: Simulation, seconds: float) -> None:
    """Let time pass, with a sweep every minute."""
    until = simulation.clock.now() + seconds
    while simulation.clock.now() < until:
        simulation.run_for(min(SWEEP_SECONDS, until - simulation.clock.now()))
        swept(simulation)


def swept(simulation: Simulation) -> None:
    """Run the sweep, which may be killed like any function."""
    with suppress(Killed):
        simulation.sweep()
    simulation.run_due()


def started(simulation: Simulation) -> list[str]:
    """Return the prompts of the vendor's tasks, in order."""
    return [task["prompt"] for task in simulation.tasks()]


def in_flight(simulation: Simulation) -> int:
    """Return the number of the vendor's tasks that have not ended."""
    return sum(task["status"] in ("PENDING", "RUNNING") for task in simulation.tasks())


def only_pool() -> slots.SlotPool:
    """Return the only slot pool."""
    (only,) = slots.pools()
    return only


def test_no_more_tasks_than_slots(simulation: Simulation) -> None:
    """However many jobs come at once, DashScope never has more tasks than there are slots, and all jobs are done."""
    most = [0]

    def look(_: str) -> None:
        most[0] = max(most[0], in_flight(simulation))

    simulation.calls.on_call = look
    created = [create(simulation, f"job {number}") for number in range(15)]
    run(simulation, 15 * 2 * TASK_SECONDS)
    assert {"succeeded"} == {simulation.job(job.id).state.value for job in created}
    assert (SLOTS, len(created)) == (most[0], len(simulation.tasks()))
    assert {} == only_pool().holders


def test_a_freed_slot_is_passed_on_immediately(simulation: Simulation) -> None:
    """As soon as Gallop learns that a task has ended, the next one is submitted."""
    for number in range(SLOTS + 1):
        create(simulation, f"job {number}")
    simulation.run_due()
    assert SLOTS == len(simulation.tasks())
    while len(simulation.tasks()) == SLOTS:
        simulation.run_for(1)
    ended = min(job.updated_at for job in simulation.jobs() if job.state is not JobState.RUNNING)
    assert simulation.clock.now() - ended <= 1


def test_waiting_costs_nothing(simulation: Simulation) -> None:
    """A job that waited a day has as many state transitions as one that did not, and no function runs meanwhile."""
    quick = create(simulation, "quick")
    run(simulation, 4 * TASK_SECONDS)
    with patch.dict("os.environ", {"MAX_IN_FLIGHT": "0"}):
        late = create(simulation, "late")
        simulation.run_due()
        runs = {name: len(made) for name, made in simulation.made.items() if name != "Reconcile"}
        for _ in range(24):
            simulation.run_for(DAY / 24)
            simulation.sweep()
        assert runs == {name: len(made) for name, made in simulation.made.items() if name != "Reconcile"}
    run(simulation, 4 * TASK_SECONDS)
    histories = [
        simulation.workflow.executions[job.id].events - EVENTS_OF_A_POLL * simulation.job(job.id).polls
        for job in (quick, late)
    ]
    assert histories[0] == histories[1]
    assert ["succeeded", "succeeded"] == [simulation.job(job.id).state.value for job in (quick, late)]


def test_slots_are_shared_round_robin(simulation: Simulation) -> None:
    """Scheduling is round robin over clients and first come, first served within one: a late single job starts next."""
    for number in range(12):
        create(simulation, f"ada {number}", "ada")
    for number in range(2):
        create(simulation, f"bob {number}", "bob")
    simulation.run_due()
    run(simulation, TASK_SECONDS)
    create(simulation, "eve 0", "eve")
    run(simulation, 10 * TASK_SECONDS)
    order = started(simulation)
    assert ["ada 0", "ada 1", "ada 2", "bob 0", "eve 0", "ada 3", "bob 1", "ada 4"] == order[:8]
    assert [f"ada {number}" for number in range(12)] == [name for name in order if name.startswith("ada")]


def test_priority_is_within_a_client(simulation: Simulation) -> None:
    """A job with a higher priority starts before its client's others, but not before those of other clients."""
    for number in range(5):
        create(simulation, f"ada {number}", "ada")
    simulation.run_due()
    create(simulation, "bob 0", "bob")
    create(simulation, "ada urgent", "ada", priority=9)
    run(simulation, 6 * TASK_SECONDS)
    assert ["ada 0", "ada 1", "ada 2", "bob 0", "ada urgent", "ada 3", "ada 4"] == started(simulation)


@pytest.mark.parametrize("priority", [-1, 10, 1.5, "high", True])
def test_an_invalid_priority_is_refused(simulation: Simulation, priority: object) -> None:
    """The refusal is readable and comes before anything is created."""
    del simulation
    body = {"prompt": "x", "images": [PICTURE_URL], "priority": priority}
    with pytest.raises(Exception, match="priority"):
        videos.create_video("ada", Body(json.dumps(body).encode(), "application/json"), {}, API_URL)


def test_waiting_jobs_show_their_position(simulation: Simulation) -> None:
    """GET and status.json show the position and the expected start; the receipt is updated when it has halved."""
    created = [create(simulation, f"job {number}") for number in range(SLOTS + 5)]
    simulation.run_due()
    last = videos.view(videos.video(Caller("ada"), created[-1].id), API_URL)
    assert (5, "queued") == (last["queue_position"], last["state"])
    assert simulation.clock.now() < last["estimated_start"] < simulation.clock.now() + 30 * TASK_SECONDS
    receipt = simulation.receipt(f"{created[-1].receipts}/status.json")
    assert 5 == receipt["queue_position"]
    assert receipt["estimated_start"]
    run(simulation, 1.5 * TASK_SECONDS)
    assert 2 == simulation.receipt(f"{created[-1].receipts}/status.json")["queue_position"]
    assert videos.view(videos.video(Caller("ada"), created[0].id), API_URL)["queue_position"] is None


def test_concurrent_requests_for_positions_read_the_queue_once(simulation: Simulation) -> None:
    """Requests within a few seconds share the queue as it was read for the first; later ones read it again."""
    created = [create(simulation, f"job {number}") for number in range(SLOTS + 5)]
    simulation.run_due()
    steps.clear_cache()
    with simulation.calls.run():
        positions = [videos.view(videos.video(Caller("ada"), job.id), API_URL)["queue_position"] for job in created * 3]
        assert [*[None] * SLOTS, 1, 2, 3, 4, 5] * 3 == positions
        assert 1 == simulation.calls.made.count("Query")
    cancel(created[SLOTS].id)
    simulation.clock.advance(steps.QUEUE_CACHE_SECONDS)
    assert 1 == videos.view(videos.video(Caller("ada"), created[SLOTS + 1].id), API_URL)["queue_position"]


def test_joining_a_long_queue_costs_no_more_than_a_short_one(simulation: Simulation) -> None:
    """A new job does not read a whole long queue: the next sweep, which reads it once for all, sets the positions."""
    with patch.object(steps, "SHORT_QUEUE", 2):
        created = [create(simulation, f"job {number}") for number in range(SLOTS + 4)]
        simulation.run_due()
        assert [1, 2, None, None] == [simulation.job(job.id).position for job in created[SLOTS:]]
        simulation.sweep()
    assert [1, 2, 3, 4] == [simulation.job(job.id).position for job in created[SLOTS:]]


def test_cancel_of_a_waiting_job_is_free_and_immediate(simulation: Simulation) -> None:
    """It needs no request to DashScope, slot or task; its execution ends, and the jobs behind it move up."""
    created = [create(simulation, f"job {number}") for number in range(SLOTS + 2)]
    simulation.run_due()
    before = simulation.fake.ledger()["requests"]
    assert Cancellation.CANCELLED is cancel(created[SLOTS].id)[1]
    assert before == simulation.fake.ledger()["requests"]
    simulation.run_due()
    assert "SUCCEEDED" == simulation.workflow.executions[created[SLOTS].id].status
    run(simulation, 6 * TASK_SECONDS)
    assert f"job {SLOTS}" not in started(simulation)
    assert SLOTS + 1 == len(simulation.tasks())
    assert [] == simulation.records("SLOT_WAITER")


def test_a_job_that_waits_too_long_fails(simulation: Simulation) -> None:
    """After QueueHours a waiting job fails, nothing is charged, and it leaves the queue."""
    with patch.dict("os.environ", {"MAX_IN_FLIGHT": "0"}):
        job = create(simulation, "late")
        simulation.run_due()
        simulation.run_for((QUEUE_HOURS - 1) * 3600)
        simulation.sweep()
        assert JobState.QUEUED is simulation.job(job.id).state
        simulation.run_for(2 * 3600)
        simulation.sweep()
        simulation.run_due()
    failed = simulation.job(job.id)
    assert failed.failure is not None
    assert "waited_too_long" == failed.failure.code
    assert 0 == len(simulation.tasks())
    assert "SUCCEEDED" == simulation.workflow.executions[job.id].status
    assert {} == slots.queued(job.lane)


def test_the_deadline_starts_with_the_slot(simulation: Simulation) -> None:
    """A job that waited has as much time for its task as one that did not."""
    with patch.dict("os.environ", {"MAX_IN_FLIGHT": "0"}):
        job = create(simulation, "late")
        simulation.run_for(20 * 3600)
    simulation.sweep()
    assert settings.deadline_seconds() == round(simulation.job(job.id).deadline - simulation.clock.now())


@pytest.mark.parametrize("function", ["TakeSlot", "Status", "Finish", "Reconcile"])
def test_no_breakdown_loses_a_slot_or_a_turn(simulation: Simulation, function: str) -> None:
    """Killed at each of its calls: all jobs end, no slot stays taken, nobody waits, no task is doubled."""
    kills = points_of(OF_A_JOB[function])
    simulation.kills[function] = [*kills]
    created = [create(simulation, f"job {number}") for number in range(len(kills) + SLOTS)]
    for _ in range(60):
        run(simulation, 2 * SWEEP_SECONDS)
        assert len(only_pool().holders) <= SLOTS
        if all(simulation.job(job.id).state is JobState.SUCCEEDED for job in created):
            break
    while simulation.kills[function] and len(created) < 4 * len(kills):
        # In a crowd few runs find a free slot: what happens only then is killed for one job after the other.
        created.append(create(simulation, f"job {len(created)}"))
        run(simulation, 4 * TASK_SECONDS)
    run(simulation, len(kills) * SWEEP_SECONDS)
    simulation.all_struck()
    assert {"succeeded"} == {simulation.job(job.id).state.value for job in created}
    assert sorted(job.request.prompt for job in created) == sorted(started(simulation))
    assert {} == only_pool().holders
    assert [] == simulation.records("SLOT_WAITER")
    assert {} == slots.queued(created[0].lane)


def test_a_lost_wake_up_is_resent_within_a_minute(simulation: Simulation) -> None:
    """A job that got a slot without being notified is notified by the next sweep."""
    with patch.object(slots, "wake", lambda *_: False):
        job = create(simulation, "lost")
        simulation.run_due()
    assert (1, 0) == (len(only_pool().holders), len(simulation.tasks()))
    simulation.sweep()
    simulation.run_due()
    assert (JobState.RUNNING, 1) == (simulation.job(job.id).state, len(simulation.tasks()))


def test_the_slot_of_a_missing_job_is_freed(simulation: Simulation) -> None:
    """A slot whose job has ended or was deleted goes to the next one within a minute."""
    with patch.object(slots, "release", lambda *_: None):
        for number in range(SLOTS):
            create(simulation, f"job {number}")
        simulation.run_for(4 * TASK_SECONDS)
    assert SLOTS == len(only_pool().holders)
    job = create(simulation, "next")
    simulation.run_due()
    assert job.id not in only_pool().holders
    simulation.sweep()
    simulation.run_due()
    assert [job.id] == [*only_pool().holders]


def test_a_waiting_execution_that_failed_is_started_again(simulation: Simulation) -> None:
    """When the job gets a slot, no execution can be notified; the sweep notices, and the job runs once."""
    for number in range(SLOTS):
        create(simulation, f"job {number}")
    job = create(simulation, "broken")
    simulation.run_due()
    simulation.workflow.crash(job.id)
    run(simulation, 8 * TASK_SECONDS)
    assert ("succeeded", 1) == (simulation.job(job.id).state.value, len(simulation.tasks("broken")))


def test_a_refusal_slows_down_the_lane_until_it_recovers(simulation: Simulation) -> None:
    """After a 429 no job of the lane submits for a while; then they do, and the rate recovers automatically."""
    simulation.fake.fault(on="submit", kind="429", times=3)
    times: list[float] = []
    simulation.calls.on_call = lambda name: times.append(simulation.clock.now()) if name == "SubmitTask" else None
    for number in range(SLOTS):
        create(simulation, f"job {number}")
    simulation.run_for(60)
    between = [later - earlier for earlier, later in pairwise(times)]
    assert [1, 2, 4] == [int(math.log2(seconds) >= power) * 2**power for power, seconds in enumerate(between[:3])]
    run(simulation, 6 * TASK_SECONDS)
    assert SLOTS + 3 == simulation.fake.ledger()["requests"]["submit"]
    assert {"succeeded"} == {job.state.value for job in simulation.jobs()}
    for number in range(6):
        create(simulation, f"more {number}")
        run(simulation, 4 * TASK_SECONDS)
    (item,) = simulation.records("LANE")
    assert 0.25 == float(item["interval"]["N"])


def test_an_account_without_capacity_fails_no_job(simulation: Simulation) -> None:
    """If DashScope's limits refuse it repeatedly, a job waits for its deadline, not for a number of tries."""
    simulation.fake.fault(on="submit", kind="429", times=25)
    job = create(simulation, "patient")
    run(simulation, 2.5 * 3600)
    assert "succeeded" == simulation.job(job.id).state.value
    assert 26 == jobs.get(job.id).submits


def test_raising_the_queue_hours_keeps_every_position(simulation: Simulation) -> None:
    """A position outlives the limit under which it was taken: QueueHours may be raised over a backlog."""
    job = [create(simulation, f"job {number}") for number in range(SLOTS + 1)][-1]
    simulation.run_due()
    items = simulation.dynamodb.scan(TableName=simulation.table)["Items"]
    waits = [item for item in items if item["sk"]["S"] == "SLOT_WAITER" or item["pk"]["S"].startswith("QUEUE#")]
    assert all(2 * QUEUE_HOURS * 3600 < int(item["expires_at"]["N"]) - job.created_at for item in waits)
    assert 2 == len(waits)


@pytest.mark.parametrize(("slots_there", "at_once"), [(1, 1), (3, 3), (5, 5), (6, 5), (8, 7)])
def test_the_start_is_estimated_from_running_jobs(simulation: Simulation, slots_there: int, at_once: int) -> None:
    """A job starts with each end; DashScope runs five tasks at a time, or as many as there are slots."""
    with patch.dict("os.environ", {"MAX_IN_FLIGHT": str(slots_there)}):
        created = [create(simulation, f"job {number}") for number in range(slots_there + at_once + 1)]
        simulation.run_for(1)
        waits = [estimate(job, simulation) for job in created[slots_there:]]
    mean = task_durations.known(created[0].request).mean
    # Eight tasks are submitted one after the other, with pauses of random length: they do not start at the same moment.
    assert [pytest.approx(mean, abs=6)] * at_once == waits[:-1]
    assert pytest.approx(2 * mean, abs=6) == waits[-1]


def estimate(job: Job, simulation: Simulation) -> float:
    """Return the seconds until a job starts, as GET shows them."""
    return float(videos.view(videos.video(Caller("ada"), job.id), API_URL)["estimated_start"] - simulation.clock.now())


def test_a_waiting_job_is_unchanged_while_its_estimate_is(simulation: Simulation) -> None:
    """The estimate is the same while its inputs are, and so is the ETag; clients need not poll every few seconds."""
    created = [create(simulation, f"job {number}") for number in range(4 * SLOTS)]
    simulation.run_for(1)
    tags = []
    for _ in range(2):
        tags.append(long_poll.tag_of(videos.view(videos.video(Caller("ada"), created[-1].id), API_URL)))
        simulation.clock.advance(7)
    assert tags[0] == tags[1]
    job = simulation.job(created[-1].id)
    assert "60" == videos.poll_headers(job, videos.view(job, API_URL))["Retry-After"]


def test_a_hundred_slots_are_assigned_at_once(simulation: Simulation) -> None:
    """The maximum of MaxInFlight is 100."""
    created = [create(simulation, f"job {number}") for number in range(SLOTS + 100)]
    simulation.run_due()
    with patch.dict("os.environ", {"MAX_IN_FLIGHT": "100"}):
        steps.grant_free_slots(created[0].lane)
    assert 100 == len(slots.pool(created[0].lane).holders)


def test_an_unreadable_record_does_not_block_others(simulation: Simulation) -> None:
    """The sweep skips a record of another version of Gallop and continues with the next job."""
    old = create(simulation, "old")
    key = {"pk": {"S": f"JOB#{old.id}"}, "sk": {"S": "JOB"}}
    simulation.dynamodb.update_item(TableName=simulation.table, Key=key, UpdateExpression="REMOVE reserved, parked")
    with patch.object(job_workflow, "start"):
        young = create(simulation, "young")
    run(simulation, 5 * TASK_SECONDS)
    assert JobState.SUCCEEDED is simulation.job(young.id).state


def test_a_job_deleted_right_after_its_cancel_leaves_no_failed_execution(simulation: Simulation) -> None:
    """The execution of a deleted job has nothing left to do, and triggers no alarm."""
    created = [create(simulation, f"job {number}") for number in range(SLOTS + 1)]
    simulation.run_due()
    cancel(created[-1].id)
    videos.delete_video(Caller("ada"), created[-1].id)
    run(simulation, 3 * TASK_SECONDS)
    assert "SUCCEEDED" == simulation.workflow.executions[created[-1].id].status

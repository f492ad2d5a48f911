"""An operator stops executions (StopExecution): what may be paid for continues, and all else is cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.table import slots
from gallop.domain.errors import AwsTrouble
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import JobState

from tests.functional.promise.test_updates import assert_one_video, pass_time, run_until
from tests.support.promise.money import HOUR, PRICE, PROMPT, caps, created, drop, go_to_noon, used

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.support.promise import Simulation

pytestmark = pytest.mark.promise("P7")

MINUTE = 60


def assert_cancelled(simulation: Simulation, job: Job) -> None:
    """Assert that a job was cancelled, made no task, and that its receipts say that nothing was charged."""
    ended = simulation.job(job.id)
    assert JobState.CANCELLED is ended.state
    assert ended.failure
    assert FailureCode.CANCELLED is ended.failure.code
    assert [] == simulation.tasks(job.request.prompt)
    error = simulation.receipt(f"{job.receipts}/error.json")["error"]
    assert "stopped" in error["message"]
    assert "not been charged" in error["remedy"]
    assert ({}, {}) == (slots.pool(job.lane).holders, slots.queued(job.lane))


@pytest.mark.parametrize("state", [JobState.OUTCOME_UNKNOWN, JobState.RUNNING, JobState.STORING])
def test_a_job_that_may_be_paid_for_continues(simulation: Simulation, state: JobState) -> None:
    """It has one task, one charge and one video, however often its execution is stopped."""
    job = run_until(simulation, state)
    simulation.workflow.stop(job.id)
    pass_time(simulation, 3 * MINUTE)
    simulation.workflow.stop(f"{job.id}-1")
    pass_time(simulation, HOUR)
    assert_one_video(simulation)


def test_a_job_that_was_not_sent_yet_is_cancelled(simulation: Simulation) -> None:
    """DashScope has refused its request for the moment, so there is no task."""
    job = run_until(simulation, JobState.SUBMITTING)
    simulation.workflow.stop(job.id)
    pass_time(simulation, 5 * MINUTE)
    assert_cancelled(simulation, job)


def test_a_job_that_waits_for_a_slot_is_cancelled(simulation: Simulation) -> None:
    """The next sweep notices, however long the queue is: nobody needs to wait for a free slot."""
    with patch.dict("os.environ", {"MAX_IN_FLIGHT": "1"}):
        created(simulation)
        waiting = [created(simulation, f"{number}: the girl of [Image 1].") for number in range(3)]
        simulation.run_for(1)
        simulation.workflow.stop(waiting[1].id)
        simulation.sweep()
        assert JobState.CANCELLED is simulation.job(waiting[1].id).state
        assert {job.ticket for job in (waiting[0], waiting[2])} == {*slots.queued(waiting[1].lane)}
        pass_time(simulation, HOUR)
    assert_cancelled(simulation, waiting[1])
    assert {"succeeded": 3, "cancelled": 1} == counted(simulation)


def counted(simulation: Simulation) -> dict[str, int]:
    """Count the jobs by state."""
    states = [job.state.value for job in simulation.jobs()]
    return {state: states.count(state) for state in set(states)}


def test_a_stop_gives_back_what_was_reserved(simulation: Simulation) -> None:
    """A cancelled job uses up no budget."""
    go_to_noon(simulation)
    with caps(day=1), patch.dict("os.environ", {"MAX_IN_FLIGHT": "1"}):
        created(simulation)
        waits = created(simulation, "Another girl of [Image 1].")
        simulation.run_for(1)
        simulation.workflow.stop(waits.id)
        simulation.sweep()
        assert {"month": PRICE, "10": PRICE} == used(simulation)


def test_a_stopped_drop_says_how_to_start_it_again(simulation: Simulation) -> None:
    """The same content is the same job, which is over."""
    with patch.dict("os.environ", {"MAX_IN_FLIGHT": "1"}):
        created(simulation)
        drop(simulation, "folder")
        simulation.run_for(1)
        (job,) = [job for job in simulation.jobs() if job.client == "s3"]
        simulation.workflow.stop(job.id)
        simulation.sweep()
    error = simulation.receipt("folder/error.json")["error"]
    assert ("cancelled", True) == (error["code"], "drop it again with a change" in error["remedy"])


def test_a_list_that_is_refused_stops_no_sweep(simulation: Simulation) -> None:
    """The functions may be updated before their rights are."""
    job = run_until(simulation, JobState.RUNNING)
    simulation.workflow.crash(job.id)
    with patch.object(job_workflow, "stopped", side_effect=AwsTrouble("denied")):
        pass_time(simulation, HOUR)
    assert_one_video(simulation)
    assert 1 == len(simulation.tasks(PROMPT))

"""A bug in a step after the payment costs time: the job continues when the bug is fixed, and has its one video."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from gallop import settings
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import JobState, is_terminal

from tests.support.promise.money import HOUR, PROMPT, created
from tests.support.promise.recorded import OF_A_JOB, OF_A_RECONCILIATION
from tests.testbed.aws.kill_points import before, points_of

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.support.promise import Simulation
    from tests.testbed.aws.kill_points import KillPoint

pytestmark = pytest.mark.promise("P7")

MINUTE = 60
MENDED_AFTER = 10 * MINUTE
# An unexpected exception before the attempt is recorded ends a job that has cost nothing.
UNPAID = 3
BUGS = [
    *[("StartTask", point) for point in points_of(OF_A_JOB["StartTask"])[UNPAID + 1 :]],
    *[(name, point) for name in ("Status", "SaveResult", "Thumbnail", "Finish") for point in points_of(OF_A_JOB[name])],
    *[("Reconcile", point) for point in points_of(OF_A_RECONCILIATION)],
]


def pass_time(simulation: Simulation, seconds: float) -> None:
    """Let time pass, with a sweep every minute, which may have the bug as well."""
    for _ in range(round(seconds / MINUTE)):
        simulation.run_for(MINUTE)
        try:
            simulation.sweep()
        except KeyError:
            continue


def with_a_bug(simulation: Simulation, function: str, point: KillPoint) -> Job:
    """Create a job while a function has a bug; return it as it is ten minutes later."""
    if function == "Reconcile":
        simulation.fake.fault(on="submit", kind="drop_after_accept")
    job = created(simulation)
    simulation.bugs[function] = point
    pass_time(simulation, MENDED_AFTER)
    return simulation.job(job.id)


@pytest.mark.parametrize(("function", "point"), BUGS, ids=str)
def test_a_bug_that_is_fixed_costs_no_video(simulation: Simulation, function: str, point: KillPoint) -> None:
    """While the job may have a task, no bug ends it; afterwards there is one task, one video and one end."""
    assert with_a_bug(simulation, function, point).failure is None
    assert simulation.calls.stumbles
    simulation.bugs.clear()
    pass_time(simulation, HOUR / 2)
    (job,) = simulation.jobs()
    assert ("succeeded", None) == (job.state.value, job.failure)
    assert [job.task_id] == [task["task_id"] for task in simulation.tasks(PROMPT)]
    assert job.result
    assert simulation.film_of(job.task_id) == job.result.sha256
    assert "succeeded" == simulation.receipt(f"{job.receipts}/status.json")["state"]
    assert ["is_open" in record for record in simulation.records("JOB")] == [False]


@pytest.mark.parametrize(("function", "call"), [("Status", "QueryTask"), ("SaveResult", "Download")])
def test_a_bug_that_stays_ends_the_job_at_its_deadline(simulation: Simulation, function: str, call: str) -> None:
    """The failure says that it is Gallop's own, and where the paid video is."""
    job = with_a_bug(simulation, function, before(call))
    assert not is_terminal(job.state)
    pass_time(simulation, settings.deadline_seconds())
    ended = simulation.job(job.id)
    assert (JobState.FAILED, True) == (ended.state, ended.failure is not None)
    assert ended.failure
    assert FailureCode.INTERNAL_ERROR is ended.failure.code
    assert ended.ended_at
    assert 0 <= ended.ended_at - ended.deadline <= 3 * MINUTE
    assert ended.task_id in simulation.receipt(f"{job.receipts}/error.json")["error"]["remedy"]


def test_pauses_grow_while_a_bug_stays(simulation: Simulation) -> None:
    """A job with a bug is resumed a few times per hour, and for the last time shortly before its deadline."""
    job = with_a_bug(simulation, "Status", before("QueryTask"))
    starts: list[float] = []
    while not is_terminal(simulation.job(job.id).state):
        known = simulation.job(job.id).resumes
        pass_time(simulation, MINUTE)
        starts += [simulation.clock.now()] * (simulation.job(job.id).resumes - known)
    between = [later - earlier for earlier, later in pairwise(starts)]
    assert max(between) <= 18 * MINUTE
    assert len(starts) <= settings.deadline_seconds() / MINUTE / 10
    assert job.deadline - starts[-1] <= 6 * MINUTE


def test_a_bug_before_the_payment_ends_the_job_at_once(simulation: Simulation) -> None:
    """Nothing was charged: its receipt says so, and its client can create it again."""
    job = with_a_bug(simulation, "StartTask", before("GetItem"))
    assert job.failure
    assert FailureCode.INTERNAL_ERROR is job.failure.code
    assert "not been charged" in simulation.receipt(f"{job.receipts}/error.json")["error"]["remedy"]


def test_a_key_that_is_refused_for_a_while_costs_no_video(simulation: Simulation) -> None:
    """The video is paid for, and DashScope has it: a wrong key can be replaced."""
    simulation.fake.fault(on="query", kind="error", code="InvalidApiKey", times=1000)
    job = created(simulation)
    pass_time(simulation, HOUR)
    assert not is_terminal(simulation.job(job.id).state)
    simulation.fake.faults.clear()
    pass_time(simulation, HOUR)
    assert JobState.SUCCEEDED is simulation.job(job.id).state

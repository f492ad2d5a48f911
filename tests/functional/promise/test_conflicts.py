"""Write conflicts and lost replies of DynamoDB cost no slot, no time and no video."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from gallop.adapters import aws
from gallop.adapters.table import jobs, slots
from gallop.domain.errors import AwsTrouble
from gallop.domain.job import JobState
from gallop.services.cancel import cancel
from gallop.services.erase import erase
from gallop.steps.finish import finish

from tests.functional.services.test_slots import TASK_SECONDS, create, only_pool, run, started, swept
from tests.support.promise import Simulation, fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gallop.domain.job import Job

pytestmark = pytest.mark.promise("P10")

FAILURE = {"code": "generation_failed", "message": "It failed.", "remedy": "Try again.", "vendor_code": ""}
HOUR = 3600


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Yield an empty simulation in which one task may be in flight and jobs wait for up to an hour."""
    with fresh() as made, patch.dict("os.environ", {"MAX_IN_FLIGHT": "1", "QUEUE_HOURS": "1"}):
        yield made


@contextmanager
def disturbed(
    simulation: Simulation, times: int, matches: Callable[[str, str], bool], act: Callable[[Any], Any]
) -> Iterator[None]:
    """Let ``act`` answer a number of table calls that match by operation and arguments."""
    client: Any = simulation.clients["dynamodb"]
    original, left = client._make_api_call, [times]  # noqa: SLF001 - as botocore's own stubber does

    def call(operation: str, arguments: Any) -> Any:  # noqa: ANN401 - JSON
        if left[0] and matches(operation, str(arguments)):
            left[0] -= 1
            return act(lambda: original(operation, arguments))
        return original(operation, arguments)

    with patch.object(client, "_make_api_call", call):
        yield


def conflict(_: Callable[[], Any]) -> None:
    """Answer as DynamoDB does while another transaction writes the same item."""
    kind = aws.dynamodb().exceptions.TransactionConflictException
    raise kind({"Error": {"Code": "TransactionConflictException", "Message": "ongoing"}}, "UpdateItem")


def denied(_: Callable[[], Any]) -> None:
    """Answer as DynamoDB does when access is denied permanently."""
    raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "UpdateItem")


def twice(served: Callable[[], Any]) -> Any:  # noqa: ANN401 - JSON
    """Serve a call whose reply is lost, so that boto sends it again."""
    served()
    return served()


def releases_slot(operation: str, arguments: str) -> bool:
    """Return whether a call is the write that releases a slot."""
    return operation == "UpdateItem" and "REMOVE holders" in arguments


def leaves_queue(operation: str, arguments: str) -> bool:
    """Return whether a call is the write that removes a job from the queue."""
    return operation == "DeleteItem" and "QUEUE#" in arguments


def moves(job: Job, state: JobState) -> Callable[[str, str], bool]:
    """Return what recognises the write that moves a job to a state."""
    return lambda operation, arguments: (
        operation == "UpdateItem" and f"JOB#{job.id}" in arguments and f"'{state.value}'" in arguments
    )


def test_a_slot_is_passed_on_despite_conflicting_writes(simulation: Simulation) -> None:
    """A conflict with another job in the queue is not an error: it is retried, and no job waits for the sweep."""
    first, _ = create(simulation, "first"), create(simulation, "second")
    simulation.run_for(5)
    with disturbed(simulation, 3, releases_slot, conflict):
        finish({"job_id": first.id, "step": {"failure": FAILURE}})
        simulation.run_for(1)
    assert ["first", "second"] == started(simulation)


def test_a_job_moves_on_despite_conflicting_writes(simulation: Simulation) -> None:
    """The sweep and repeated drops write to the same record, and no step fails because of that."""
    job = create(simulation, "first")
    with disturbed(simulation, 3, moves(job, JobState.SUBMITTING), conflict):
        simulation.run_due()
    assert JobState.RUNNING is simulation.job(job.id).state


def test_a_write_whose_reply_is_lost_is_recognised(simulation: Simulation) -> None:
    """Boto repeats it, and the condition fails because the record already has the new state."""
    job = create(simulation, "first")
    with disturbed(simulation, 1, moves(job, JobState.SUBMITTING), twice):
        simulation.run_for(5)
    there = simulation.job(job.id)
    assert ["first"] == started(simulation)
    assert JobState.RUNNING == there.state
    assert 1 == there.submits
    assert 0 == there.lost


def test_a_job_that_left_the_queue_incompletely_does_not_stop_the_sweep(simulation: Simulation) -> None:
    """A job that was cancelled and deleted, but stayed in the queue after an AWS error, is removed by the sweep."""
    create(simulation, "first")
    others = [create(simulation, f"other {number}") for number in range(3)]
    simulation.run_for(5)
    with disturbed(simulation, 1, leaves_queue, denied):
        cancel(others[1].id)
        simulation.run_due()
        erase(simulation.job(others[1].id))
    assert others[1].ticket in slots.queued(others[1].lane)
    run(simulation, 8 * TASK_SECONDS)
    assert {"first", "other 0", "other 2"} == set(started(simulation))
    assert ({}, {}) == (only_pool().holders, slots.queued(others[1].lane))


def test_a_job_leaves_the_queue_although_its_slot_cannot_be_released(simulation: Simulation) -> None:
    """An error with one of the two does not affect the other."""
    _, waits = create(simulation, "first"), create(simulation, "second")
    simulation.run_for(5)
    with disturbed(simulation, 1, releases_slot, denied):
        cancel(waits.id)
    assert {} == slots.queued(waits.lane)


@pytest.mark.parametrize("broken", ["pools", "pool"])
def test_an_error_of_the_slot_pool_does_not_stop_the_sweep(simulation: Simulation, broken: str) -> None:
    """Jobs past their deadline end, whatever is wrong with the slots."""
    create(simulation, "first")
    waits = create(simulation, "second")
    simulation.run_for(1)
    simulation.fake.vendor.switches = replace(simulation.fake.vendor.switches, task_seconds=2.0 * HOUR)
    simulation.clock.advance(HOUR + 1)
    with patch.object(slots, broken, side_effect=AwsTrouble("no")):
        swept(simulation)
    assert JobState.FAILED is simulation.job(waits.id).state


@pytest.mark.parametrize("when", ["list", "record"])
def test_a_job_that_got_a_slot_does_not_time_out(simulation: Simulation, when: str) -> None:
    """The sweep's list of jobs that waited too long may be stale: a job that has started meanwhile continues."""
    simulation.fake.vendor.switches = replace(simulation.fake.vendor.switches, task_seconds=HOUR + 60.0)
    create(simulation, "first")
    waits = create(simulation, "second")
    simulation.run_for(HOUR + 30)
    name = {"list": "open_jobs", "record": "get"}[when]
    original, left = getattr(jobs, name), [True]

    def old(*args: Any) -> Any:  # noqa: ANN401 - what the original gives
        found = original(*args)
        is_it = jobs.WAITING in args if when == "list" else args == (waits.id,)
        if is_it and left:
            left.clear()
            simulation.run_for(100)
        return found

    with patch.object(jobs, name, old):
        swept(simulation)
    assert not left
    assert (JobState.RUNNING, None) == (simulation.job(waits.id).state, simulation.job(waits.id).failure)
    run(simulation, 2 * HOUR)
    assert JobState.SUCCEEDED is simulation.job(waits.id).state

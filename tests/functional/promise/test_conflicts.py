"""What DynamoDB does when many write at once, or when its answer is lost: it costs no slot, no time and no video."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from gallop.adapters import aws
from gallop.adapters.table import jobs as store
from gallop.adapters.table import slots
from gallop.domain.errors import AwsTrouble
from gallop.domain.job import JobState
from gallop.services.cancel import cancel
from gallop.services.erase import erase
from gallop.steps.finish import finish

from tests.functional.services.test_slots import TASK_SECONDS, create, gate, run, started, swept
from tests.support.promise import World, fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gallop.domain.job import Job

FAILURE = {"code": "generation_failed", "message": "It failed.", "remedy": "Try again.", "vendor_code": ""}
HOUR = 3600


@pytest.fixture
def world() -> Iterator[World]:
    """Give an empty world in which one task may be in flight, and jobs wait for an hour."""
    with fresh() as made, patch.dict("os.environ", {"MAX_IN_FLIGHT": "1", "QUEUE_HOURS": "1"}):
        yield made


def disturb(world: World, times: int, matches: Callable[[str, str], bool], act: Callable[[Any], Any]) -> None:
    """Let ``act`` answer so many calls of the table that match by their operation and their arguments."""
    client: Any = world.clients["dynamodb"]
    original, left = client._make_api_call, [times]  # noqa: SLF001 - as botocore's own stubber does

    def call(operation: str, arguments: Any) -> Any:  # noqa: ANN401 - JSON
        if left[0] and matches(operation, str(arguments)):
            left[0] -= 1
            return act(lambda: original(operation, arguments))
        return original(operation, arguments)

    client._make_api_call = call  # noqa: SLF001


def conflict(_: Callable[[], Any]) -> None:
    """Answer as DynamoDB does while a transaction writes the same item."""
    kind = aws.dynamodb().exceptions.TransactionConflictException
    raise kind({"Error": {"Code": "TransactionConflictException", "Message": "ongoing"}}, "UpdateItem")


def denied(_: Callable[[], Any]) -> None:
    """Answer as DynamoDB does for good."""
    raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "UpdateItem")


def twice(served: Callable[[], Any]) -> Any:  # noqa: ANN401 - JSON
    """Serve a call whose answer is lost, so that boto sends it again."""
    served()
    return served()


def takes_slot_back(operation: str, arguments: str) -> bool:
    """Tell the write that takes a slot back."""
    return operation == "UpdateItem" and "REMOVE holders" in arguments


def leaves_line(operation: str, arguments: str) -> bool:
    """Tell the write that takes a job out of the line."""
    return operation == "DeleteItem" and "LINE#" in arguments


def moves(job: Job, state: JobState) -> Callable[[str, str], bool]:
    """Tell the write that moves a job to a state."""
    return lambda operation, arguments: (
        operation == "UpdateItem" and f"JOB#{job.id}" in arguments and f"'{state.value}'" in arguments
    )


def test_a_slot_goes_on_at_once_although_others_write_at_its_gate(world: World) -> None:
    """A conflict with another job's turn is no trouble: it is tried again, and nobody waits for the sweep."""
    first, _ = create(world, "first"), create(world, "second")
    world.run_for(5)
    disturb(world, 3, takes_slot_back, conflict)
    finish({"job_id": first.id, "step": {"failure": FAILURE}})
    world.run_for(1)
    assert ["first", "second"] == started(world)


def test_a_job_moves_on_although_others_write_at_its_record(world: World) -> None:
    """The sweep that tells a place, a drop that is noticed again, write at the same record: no step fails for it."""
    job = create(world, "first")
    disturb(world, 3, moves(job, JobState.SUBMITTING), conflict)
    world.run_due()
    assert JobState.RUNNING is world.job(job.id).state


def test_a_write_whose_answer_is_lost_is_known_again(world: World) -> None:
    """Boto sends it again, and the record refuses, for it has moved on: to what was to be written."""
    job = create(world, "first")
    disturb(world, 1, moves(job, JobState.SUBMITTING), twice)
    world.run_for(5)
    there = world.job(job.id)
    assert (["first"], JobState.RUNNING, 1, 0) == (started(world), there.state, there.submits, there.lost)


def test_a_job_that_left_with_trouble_does_not_stop_the_sweep(world: World) -> None:
    """Cancelled while it waited, deleted, and still in line, for AWS had trouble then: the sweep takes it out."""
    create(world, "first")
    others = [create(world, f"other {number}") for number in range(3)]
    world.run_for(5)
    disturb(world, 1, leaves_line, denied)
    cancel(others[1].id)
    world.run_due()
    erase(world.job(others[1].id))
    assert others[1].ticket in slots.waiting(others[1].lane)
    run(world, 8 * TASK_SECONDS)
    assert {"first", "other 0", "other 2"} == set(started(world))
    assert ({}, {}) == (gate().holders, slots.waiting(others[1].lane))


def test_a_slot_that_cannot_be_taken_back_does_not_keep_its_job_in_line(world: World) -> None:
    """Of the two things that a job leaves behind, trouble with one leaves the other alone."""
    _, waits = create(world, "first"), create(world, "second")
    world.run_for(5)
    disturb(world, 1, takes_slot_back, denied)
    cancel(waits.id)
    assert {} == slots.waiting(waits.lane)


@pytest.mark.parametrize("broken", ["gates", "gate"])
def test_trouble_at_the_gate_does_not_hold_up_the_sweep(world: World, broken: str) -> None:
    """Jobs whose time is over end, whatever is wrong with the slots."""
    create(world, "first")
    waits = create(world, "second")
    world.run_for(1)
    world.fake.vendor.switches = replace(world.fake.vendor.switches, task_seconds=2.0 * HOUR)
    world.clock.advance(HOUR + 1)
    with patch.object(slots, broken, side_effect=AwsTrouble("no")):
        swept(world)
    assert JobState.FAILED is world.job(waits.id).state


@pytest.mark.parametrize("when", ["list", "record"])
def test_a_job_whose_turn_came_is_not_given_up(world: World, when: str) -> None:
    """The sweep's list of those that waited too long is a little old: who has started meanwhile goes on."""
    world.fake.vendor.switches = replace(world.fake.vendor.switches, task_seconds=HOUR + 60.0)
    create(world, "first")
    waits = create(world, "second")
    world.run_for(HOUR + 30)
    name = {"list": "open_jobs", "record": "job"}[when]
    original, left = getattr(store, name), [True]

    def old(*args: Any) -> Any:  # noqa: ANN401 - what the original gives
        found = original(*args)
        is_it = store.WAITING in args if when == "list" else args == (waits.id,)
        if is_it and left:
            left.clear()
            world.run_for(100)
        return found

    with patch.object(store, name, old):
        swept(world)
    assert not left
    assert (JobState.RUNNING, None) == (world.job(waits.id).state, world.job(waits.id).failure)
    run(world, 2 * HOUR)
    assert JobState.SUCCEEDED is world.job(waits.id).state

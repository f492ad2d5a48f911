"""One create, one charge, one result: every fault of the vendor, every door, every retry, every kill."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fake_dashscope import Limits, Switches
from fake_dashscope.clock import ScaledClock
from tests.e2e import matrix
from tests.e2e.caller import Caller
from tests.e2e.matrix import Cell, Matrix
from tests.testbed.stack import Testbed
from tests.testbed.targeted_faults import TargetedDashScope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job

SPEED = 20.0
# The number of cells at a time is that of the slots, because a full pool changes how many calls a run makes.
IN_FLIGHT = 60
IN_CROWDS, ALONE = matrix.cells(), matrix.kills_of_take_slot()
CELLS = [*IN_CROWDS, *ALONE]


@pytest.fixture(scope="module")
def ended() -> Iterator[Matrix]:
    """Run all cells on one testbed."""
    switches = Switches(task_seconds=20.0, audio=False)
    fake = TargetedDashScope(ScaledClock(SPEED), limits=Limits.none(running=IN_FLIGHT), switches=switches)
    slots = {"MaxInFlight": str(IN_FLIGHT)}
    with Testbed(speed=SPEED, fake=fake, parameters=slots) as testbed, Caller(testbed) as caller:
        made = Matrix(testbed, caller, fake)
        for cell in matrix.counted():
            made.run([cell])
        for cell in ALONE:
            made.run_until_killed(cell)
        for first in range(0, len(IN_CROWDS), IN_FLIGHT):
            made.run(IN_CROWDS[first : first + IN_FLIGHT])
        yield made


@pytest.mark.parametrize("cell", CELLS, ids=[cell.name for cell in CELLS])
def test_one_job_one_task_one_result(ended: Matrix, cell: Cell) -> None:
    """Whatever failed, there is one job, which succeeded, one task, the vendor's bytes, and final receipts."""
    (job,) = ended.jobs[cell.prompt]
    assert ("succeeded", None) == (job.state.value, job.failure)
    assert [job.task_id] == [task["task_id"] for task in ended.tasks(cell)]
    assert job.result is not None
    assert ended.film(job.task_id) == job.result.sha256
    status = ended.caller.receipt(f"{job.receipts}/status.json") or {}
    assert (job.id, "succeeded") == (status["job"], status["state"])


@pytest.mark.parametrize("function", [*matrix.CALLS, matrix.RECONCILE])
def test_every_function_was_killed_at_every_call(ended: Matrix, function: str) -> None:
    """Each function was killed before its first call, after its last one, and at each in between."""
    kills = [kill for cell in CELLS for kill in cell.kills]
    planned = [calls for name, calls in kills if name == function and calls < matrix.COUNTED]
    name = ended.testbed.aws.runtime.spec(function).name
    assert [] == [plan for plan in ended.testbed.aws.runtime.pending_kills() if plan[0] == name]
    died = [run for run in ended.testbed.invocations(function) if run.error == "Runtime.ExitError"]
    assert len(planned) == len(died)


@pytest.mark.parametrize("function", [*matrix.CALLS, matrix.RECONCILE])
def test_the_number_of_calls_is_known(ended: Matrix, function: str) -> None:
    """A run without a kill makes the number of calls for which kills were planned; one more if it reads the key."""
    ends = {
        "SubmitFunction": [matrix.CALLS_OF_AN_ARRIVAL, matrix.CALLS["SubmitFunction"], matrix.CALLS_OF_A_LOOK],
        matrix.RECONCILE: [matrix.CALLS_OF_RECONCILE],
    }.get(function) or [matrix.CALLS[function]]
    made = sorted(run.calls for run in ended.testbed.invocations(function) if run.calls is not None and not run.error)
    if function == matrix.TAKE_SLOT:
        # A run whose slot was given by the sweep was repeated, and made fewer.
        made = made[-1:]
    assert len(ends) == len(made)
    assert all(calls in (end, end + 1) for end, calls in zip(ends, made, strict=True)), (ends, made)


def test_nothing_is_stuck(ended: Matrix) -> None:
    """No message is in the dead-letter queue, no fault is unused, no execution runs."""
    assert 0 == ended.caller.dead_letters()
    assert [] == ended.fake.aims.waiting
    arn = ended.testbed.aws.outputs()["WorkflowArn"]
    running = ended.testbed.client("stepfunctions").list_executions(stateMachineArn=arn, statusFilter="RUNNING")
    assert [] == running["executions"]


def test_late_deliveries_change_nothing(ended: Matrix) -> None:
    """Files that are dropped again after success, and a late retry, create nothing and change nothing.

    The only change is a note in the receipt that the drop was repeated.
    """
    late = [cell for cell in CELLS if cell.client == "s3 five-fold" or cell.has_key][:8]
    before = {cell.prompt: (ended.jobs[cell.prompt], ended.tasks(cell)) for cell in late}
    for cell in late:
        ended.send_again(cell)
    ended.testbed.clock.sleep(60)
    ended.look()
    for cell in late:
        noticed = any(job.dropped_again_at for job in ended.jobs[cell.prompt])
        assert cell.client.startswith("s3") == noticed
    assert before == {cell.prompt: (without_notes(ended.jobs[cell.prompt]), ended.tasks(cell)) for cell in late}


def without_notes(jobs: list[Job]) -> list[Job]:
    """Return jobs as they were before their files were dropped again."""
    return [replace(job, dropped_again_at=None) for job in jobs]

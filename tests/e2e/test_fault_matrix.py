"""One create, one charge, one result: every fault of the vendor, every door, every retry, every kill."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from gallop.domain import groups

from fake_dashscope import Limits, Switches
from tests.e2e import matrix
from tests.e2e.caller import Caller
from tests.e2e.matrix import Cell, Matrix
from tests.testbed.jumping_clock import JumpingClock
from tests.testbed.stack import Testbed
from tests.testbed.targeted_faults import TargetedDashScope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job

pytestmark = pytest.mark.promise("P1", "P2", "P3", "P4")

SPEED = 20.0
# The number of jobs at a time is that of the slots, because a full pool changes how many calls a run makes.
IN_FLIGHT = 70
IN_CROWDS, ALONE = matrix.cells(), matrix.kills_of_take_slot()
CELLS = [*IN_CROWDS, *ALONE]


@pytest.fixture(scope="module")
def ended() -> Iterator[Matrix]:
    """Run all cells on one testbed."""
    switches = Switches(task_seconds=20.0, audio=False)
    fake = TargetedDashScope(JumpingClock(SPEED), limits=Limits.none(running=IN_FLIGHT), switches=switches)
    slots = {"MaxInFlight": str(IN_FLIGHT)}
    with Testbed(speed=SPEED, fake=fake, parameters=slots) as testbed, Caller(testbed) as caller:
        made = Matrix(testbed, caller, fake)
        for cell in matrix.counted():
            made.run([cell])
        for cell in ALONE:
            made.forget_slots()
            made.run_until_struck([cell])
        for crowd in matrix.crowds(IN_CROWDS, IN_FLIGHT):
            made.run_until_struck(crowd)
        yield made


@pytest.mark.parametrize("cell", CELLS, ids=[cell.name for cell in CELLS])
def test_one_job_one_task_one_result(ended: Matrix, cell: Cell) -> None:
    """Whatever failed, there is one job, which succeeded, one task, the vendor's bytes, and final receipts.

    Of a request for two, there are two of each.
    """
    for run in (one for one in ended.runs[cell.name] if one.number not in ended.late):
        found = ended.jobs[run.prompt]
        assert run.videos == len(found)
        assert sorted(job.task_id for job in found) == sorted(task["task_id"] for task in ended.tasks(run))
        for job in found:
            assert ("succeeded", None) == (job.state.value, job.failure)
            assert job.result is not None
            assert ended.film(job.task_id) == job.result.sha256
            status = ended.caller.receipt(f"{job.receipts}/status.json") or {}
            assert (job.id, "succeeded") == (status["job"], status["state"])
        whole = ended.caller.receipt(f"{groups.drop_of(found[0])}/status.json") or {}
        assert "succeeded" == whole["state"]


@pytest.mark.parametrize("function", matrix.CALLS)
def test_every_call_was_the_last_one_once(ended: Matrix, function: str) -> None:
    """Each function died before its first call and after each of its calls: every kill has struck."""
    planned = Counter(str(kill) for cell in CELLS for name, kill in cell.kills if name == function)
    died = Counter(str(kill.point) for kill in ended.kills(function))
    assert Counter() == planned - died, "\n".join(ended.testbed.aws.runtime.missed_kills(function))


def test_every_fault_was_met(ended: Matrix) -> None:
    """The last run of each cell is one that its kill ended, and whose retry came in time."""
    assert [] == [name for name, runs in ended.runs.items() if not ended.has_struck(runs[-1])]
    assert [] == ended.testbed.aws.runtime.pending_kills()


@pytest.mark.parametrize("function", matrix.CALLS)
def test_the_recorded_calls_are_those_of_a_plain_run(ended: Matrix, function: str) -> None:
    """A run in which nobody dies makes the calls that kills were planned at, and reads the key if it has none yet."""
    expected = {matrix.CALLS[function]}
    if function == matrix.DOOR:
        expected |= {matrix.CALLS_OF_AN_ARRIVAL, matrix.CALLS_OF_A_LOOK}
    if function == matrix.FINISH:
        expected.add(matrix.CALLS_OF_A_RENEWAL)
    runs = [run for run in ended.testbed.invocations(function) if run.kill and run.kill.point is None and not run.error]
    made = {tuple(call for call in run.calls or () if call != matrix.KEY_READ) for run in runs}
    assert expected == made


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

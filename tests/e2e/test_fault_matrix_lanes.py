"""One create, one task over the ledgers of two accounts: every lost reply, and every kill of what chooses a lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fake_dashscope import Limits, Switches
from tests.e2e import matrix_lanes
from tests.e2e.caller import Caller
from tests.e2e.matrix import KEY_READ, Matrix, crowds
from tests.load import accounts
from tests.load.on_testbed import open_lanes
from tests.testbed.jumping_clock import JumpingClock
from tests.testbed.stack import Testbed
from tests.testbed.targeted_faults import TargetedDashScope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.matrix import Cell

pytestmark = pytest.mark.promise("P1", "P2", "P5")

SPEED, IN_FLIGHT, LANES = 20.0, 15, 2
IN_CROWDS, ALONE = matrix_lanes.cells(), matrix_lanes.kills_of_take_slot()
CELLS = [*IN_CROWDS, *ALONE]


@pytest.fixture(scope="module")
def ended() -> Iterator[Matrix]:
    """Run all cells on one testbed with two accounts; together they have a slot for each job of a crowd."""
    limits, switches = Limits.none(running=IN_FLIGHT), Switches(task_seconds=20.0, audio=False)
    fake = TargetedDashScope(JumpingClock(SPEED), accounts.of_vendor(LANES), limits=limits, switches=switches)
    slots = {"MaxInFlight": str(IN_FLIGHT)}
    with Testbed(speed=SPEED, fake=fake, parameters=slots) as testbed, Caller(testbed) as caller:
        open_lanes(testbed, LANES)
        made = Matrix(testbed, caller, fake)
        for cell in matrix_lanes.counted():
            made.run([cell])
        for cell in ALONE:
            made.run_until_struck([cell])
        for crowd in crowds(IN_CROWDS, IN_FLIGHT):
            made.run_until_struck(crowd)
        yield made


@pytest.mark.parametrize("cell", CELLS, ids=[cell.name for cell in CELLS])
def test_one_job_one_task_over_all_accounts(ended: Matrix, cell: Cell) -> None:
    """Whatever failed, there is one job, which succeeded, and one task, in the account that its record names."""
    for run in (one for one in ended.runs[cell.name] if one.number not in ended.late):
        (job,), (task,) = ended.jobs[run.prompt], ended.tasks(run)
        assert ("succeeded", None) == (job.state.value, job.failure)
        assert (task["task_id"], task["account"]) == (job.task_id, job.account)
        assert job.result is not None
        assert ended.film(job.task_id) == job.result.sha256


def test_every_kill_has_struck(ended: Matrix) -> None:
    """The last run of each cell is one that its kill ended."""
    assert [] == [name for name, runs in ended.runs.items() if not ended.has_struck(runs[-1])]


@pytest.mark.parametrize("function", matrix_lanes.RECORDED)
def test_the_recorded_calls_are_those_of_a_plain_run(ended: Matrix, function: str) -> None:
    """A run in which nobody dies makes the calls that kills were planned at."""
    runs = [run for run in ended.testbed.invocations(function) if run.kill and run.kill.point is None and not run.error]
    made = {tuple(call for call in run.calls or () if call != KEY_READ) for run in runs}
    assert matrix_lanes.RECORDED[function] == made


def test_both_accounts_were_used_and_nothing_is_left(ended: Matrix) -> None:
    """Each account made tasks, no slot is held, and no message was given up."""
    ledger = ended.fake.ledger()["accounts"]
    assert {accounts.name(number) for number in range(LANES)} == {name for name, one in ledger.items() if one["tasks"]}
    assert [] == [item["sk"] for item in ended.caller.items() if item["pk"] == "SLOTS" and item["holders"]]
    assert 0 == ended.caller.dead_letters()

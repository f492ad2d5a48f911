"""A CANCEL beside a batch: what has not begun is never made, what runs continues, and nothing is lost or made twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from gallop.adapters.table import batches

from tests.support.promise.batches import (
    CONCURRENCY,
    HOUR,
    QUIET,
    a_line,
    begin,
    cancel,
    charges,
    jobs_by_state,
    one_at_a_time,
    receipt,
    rows_by_state,
    work_off,
)
from tests.testbed.aws.kill_points import after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.drops.batch import Batch

    from tests.support.promise import Simulation
    from tests.testbed.aws.kill_points import KillPoint

pytestmark = pytest.mark.promise("P1", "P2", "P3")

LINES = [a_line(seed=number) for number in range(1, 13)]


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Yield an empty simulation in which one job runs and others wait."""
    with one_at_a_time() as made:
        yield made


@pytest.mark.parametrize("times", [1, 3])
def test_what_has_not_begun_is_cancelled(simulation: Simulation, times: int) -> None:
    """The job at DashScope is delivered, those that wait end uncharged, and the other lines never become jobs."""
    begin(simulation, LINES)
    assert CONCURRENCY == len(simulation.jobs())
    cancel(simulation, times)
    simulation.run_for(10)
    shown = receipt(simulation)
    assert "running" == shown["state"]
    assert "Jobs that DashScope has started continue" in shown["cancel"]["message"]
    assert {"waiting": 0, "not_started": 12 - CONCURRENCY}.items() <= shown["jobs"].items()
    simulation.run_for(HOUR)
    assert {"succeeded": 1, "cancelled": CONCURRENCY - 1} == jobs_by_state(simulation)
    assert 1 == len(simulation.tasks()) == charges(simulation)
    shown = receipt(simulation)
    assert "cancelled" == shown["state"]
    counts = {"waiting": 0, "open": 0, "succeeded": 1, "failed": 0, "cancelled": CONCURRENCY - 1}
    assert {**counts, "not_started": 12 - CONCURRENCY} == shown["jobs"]
    assert {"succeeded": 1, "cancelled": CONCURRENCY - 1, "not_started": 12 - CONCURRENCY} == rows_by_state(simulation)
    assert "too_late" == simulation.receipt("spring/batch/00001/status.json")["cancel"]["answer"]
    status = simulation.receipt("spring/batch/00002/status.json")
    assert "cancelled" == status["cancel"]["answer"]
    assert "upload the same content again" in status["error"]["remedy"]


def test_a_batch_that_is_still_quiet_makes_nothing(simulation: Simulation) -> None:
    """Its receipt says so at once, and its table lists the lines; none was paid for."""
    simulation.drop("drop/spring/batch.jsonl", "\n".join([*LINES[:3], "{oops"]).encode())
    simulation.run_for(QUIET / 2)
    cancel(simulation)
    simulation.run_for(5)
    shown = receipt(simulation)
    assert "cancelled" == shown["state"]
    assert {"lines": 4, "good": 3, "bad": 1}.items() <= shown.items()
    assert 3 == shown["jobs"]["not_started"]
    assert {"not_started": 3, "refused": 1} == rows_by_state(simulation)
    simulation.run_for(HOUR)
    assert [] == simulation.jobs()
    assert "cancelled" == receipt(simulation)["state"]


def test_a_cancel_after_the_end_changes_nothing(simulation: Simulation) -> None:
    """The receipt still says that the batch is finished."""
    work_off(simulation, LINES[:2])
    finished = receipt(simulation)
    cancel(simulation)
    simulation.run_for(HOUR)
    assert finished == receipt(simulation)
    assert "finished" == finished["state"]
    assert finished["cancel"] is None
    assert {"succeeded": 2} == jobs_by_state(simulation)


def test_a_cancel_that_stops_nothing_leaves_the_batch_finished(simulation: Simulation) -> None:
    """All of its jobs were at DashScope already."""
    begin(simulation, LINES[:1])
    cancel(simulation)
    simulation.run_for(HOUR)
    assert "finished" == receipt(simulation)["state"]
    assert receipt(simulation)["cancel"]
    assert {"succeeded": 1} == rows_by_state(simulation)


def test_a_cancelled_batch_can_be_uploaded_again(simulation: Simulation) -> None:
    """An old CANCEL does not count for a newer upload, even if its event comes again: what is missing is made."""
    lines = LINES[: CONCURRENCY + 1]
    begin(simulation, lines)
    cancel(simulation)
    simulation.run_for(HOUR)
    simulation.fake.vendor.switches = replace(simulation.fake.vendor.switches, task_seconds=20.0)
    begin(simulation, lines)
    simulation.send('{"Records": [{"s3": {"object": {"key": "drop/spring/CANCEL"}}}]}')
    simulation.run_for(HOUR)
    assert {"succeeded": len(lines)} == rows_by_state(simulation)
    assert ("finished", None) == (receipt(simulation)["state"], receipt(simulation)["cancel"])
    assert len(lines) == len(simulation.tasks()) == charges(simulation)


def test_jobs_of_an_earlier_upload_are_cancelled_too(simulation: Simulation) -> None:
    """A CANCEL is about all that was uploaded before it, although a newer file has replaced the older one."""
    begin(simulation, LINES)
    simulation.drop("drop/spring/batch.jsonl", a_line(seed=99).encode())
    cancel(simulation)
    simulation.run_for(HOUR)
    assert {"succeeded": 1, "cancelled": CONCURRENCY - 1} == jobs_by_state(simulation)
    assert ("cancelled", 1) == (receipt(simulation)["state"], receipt(simulation)["jobs"]["not_started"])


def test_at_the_root_the_name_of_the_batch_comes_first(simulation: Simulation) -> None:
    """As for pictures there, each of which is a drop of its own."""
    simulation.drop("drop/batch.jsonl", "\n".join(LINES).encode())
    simulation.run_for(QUIET + 30)
    simulation.drop("drop/batch.jsonl.CANCEL", b"")
    simulation.run_for(HOUR)
    assert "cancelled" == simulation.receipt("batch.json")["state"]
    assert {"succeeded": 1, "cancelled": CONCURRENCY - 1} == jobs_by_state(simulation)
    assert [] == [key for key in simulation.results_there() if key.startswith("batch.jsonl")]


def test_a_drop_in_the_same_folder_is_cancelled_as_ever(simulation: Simulation) -> None:
    """The folder has one CANCEL, and it is for both."""
    simulation.drop("drop/spring/job.json", b'{"prompt": "A horse.", "images": []}')
    begin(simulation, LINES[:1])
    cancel(simulation)
    simulation.run_for(HOUR)
    assert simulation.receipt("spring/status.json")["cancel"]
    assert receipt(simulation)["cancel"]


def test_a_line_that_was_about_to_start_does_not(simulation: Simulation) -> None:
    """A CANCEL between the look for one and the record of the line is seen by the record itself."""
    claim_line = batches.claim_line

    def cancelled_meanwhile(batch: Batch, line: int, job_id: str, videos: int) -> str:
        batches.cancel(batch, simulation.clock.now())
        return claim_line(batch, line, job_id, videos)

    with patch.object(batches, "claim_line", cancelled_meanwhile):
        begin(simulation, LINES)
    assert [] == simulation.jobs()
    assert {"not_started": len(LINES)} == rows_by_state(simulation)


def test_a_line_without_a_budget_is_not_open(simulation: Simulation) -> None:
    """It has started, and got no job: it is neither waiting nor open."""
    with patch.dict("os.environ", DAY_CAP="0.10"):
        work_off(simulation, LINES[:2])
    assert {"waiting": 0, "open": 0}.items() <= receipt(simulation)["jobs"].items()
    assert ("finished", 2) == (receipt(simulation)["state"], receipt(simulation)["bad"])


@pytest.mark.parametrize("kill", [after("UpdateItem"), after("TransactWriteItems", 2)], ids=str)
def test_a_cancel_that_dies_is_repeated(simulation: Simulation, kill: KillPoint) -> None:
    """After it has recorded itself, or the end of the first job; all other places are among the proofs."""
    begin(simulation, LINES)
    simulation.kills["Batch"] = [kill]
    cancel(simulation)
    simulation.run_for(HOUR)
    assert [] == simulation.kills["Batch"]
    assert {"succeeded": 1, "cancelled": CONCURRENCY - 1} == jobs_by_state(simulation)
    assert "cancelled" == receipt(simulation)["state"]

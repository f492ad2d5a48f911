"""Batches on a manual clock: every line has one job, one task and one end, whichever function is killed and when."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters.s3 import buckets
from gallop.domain.drops.batch_lines import Line

from tests.support.pictures import picture
from tests.support.promise.batches import CONCURRENCY, HOUR, a_line, charges, quick, receipt, rows, work_off
from tests.support.promise.recorded import OF_A_BATCH
from tests.template.stack import parameter
from tests.testbed.aws.kill_points import after, points_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.promise import Simulation
    from tests.testbed.aws.kill_points import KillPoint

pytestmark = pytest.mark.promise("P1", "P2", "P3")

LINES, BAD = 16, {7, 11}
QUIET = int(parameter("QuietSeconds"))
STEPS = ("read", "submit_line", "end_line", "close")


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Yield an empty simulation."""
    with quick() as made:
        yield made


def assert_one_video(simulation: Simulation) -> None:
    """Assert that a batch of one line has one job, task and charge, and a row in the table that says so."""
    (job,) = simulation.jobs()
    assert (1, 1) == (len(simulation.tasks()), charges(simulation))
    (row,) = rows(simulation)
    assert job.id == row["job"]
    assert "succeeded" == row["state"]
    assert "0.42" == row["cost"]
    shown = receipt(simulation)
    assert "finished" == shown["state"]
    assert 1 == shown["jobs"]["succeeded"]
    assert 0.42 == shown["cost"]
    assert not [one for one in simulation.records("JOB") if one.get("is_open")]


def test_lines_become_jobs_in_order(simulation: Simulation) -> None:
    """Each valid line is one job, task and charge, six at a time; the same file adds none, a fixed line adds one."""
    lines = ["{oops" if number in BAD else a_line(seed=number) for number in range(1, LINES + 1)]
    good = LINES - len(BAD)
    assert CONCURRENCY == work_off(simulation, lines, times=3)
    assert [good] * 3 == [len(simulation.jobs()), len(simulation.tasks()), charges(simulation)]
    shown, table = receipt(simulation), rows(simulation)
    assert "finished" == shown["state"]
    assert LINES == shown["lines"]
    assert good == shown["good"]
    assert len(BAD) == shown["bad"]
    assert (sorted(BAD), good) == ([fault["line"] for fault in shown["faults"]], shown["jobs"]["succeeded"])
    assert shown["estimated_cost"] == shown["cost"] == pytest.approx(0.42 * good)
    assert list(range(1, LINES + 1)) == [int(row["line"]) for row in table]
    assert BAD == {int(row["line"]) for row in table if row["state"] == "refused" and not row["job"] and row["error"]}
    by_job = {job.id: job for job in simulation.jobs()}
    for row in (row for row in table if row["job"]):
        job = by_job[row["job"]]
        assert job.result
        assert f"s3://{simulation.results}/{job.result.key}" == row["video"]
        assert int(row["line"]) == job.request.parameters["seed"]

    work_off(simulation, lines)
    shown = receipt(simulation)
    assert good == len(simulation.tasks())
    assert good == shown["repeated"]
    assert 0.0 == shown["cost"]

    work_off(simulation, [*lines[:6], a_line(seed=7), *lines[7:]])
    shown = receipt(simulation)
    assert good + 1 == len(simulation.tasks())
    assert good + 1 == shown["good"]
    assert good == shown["repeated"]
    assert 0.42 == shown["cost"]


def test_no_prompt_is_kept_beside_the_batch(simulation: Simulation) -> None:
    """Neither in the lists of its lines, nor in what its steps are given; DELETE could not remove it there."""
    simulation.drop("drop/spring/1.jpg", picture())
    work_off(simulation, [a_line(prompt="A secret."), a_line(prompt="A secret of [Image 1].", images=["1.jpg"])])
    assert 2 == len(simulation.tasks())
    kept = [simulation.result(key) for key in simulation.results_there() if key.startswith(".batches/")]
    assert kept
    assert b"secret" not in b"".join(kept)
    assert "secret" not in str([(one.data, one.items) for one in simulation.workflow.executions.values()])


def test_a_list_of_lines_of_an_earlier_version_is_worked_off(simulation: Simulation) -> None:
    """It has the lines themselves, and its jobs are the same as today's."""
    put = buckets.put_document

    def put_as_before(key: str, document: Any) -> None:  # noqa: ANN401 - JSON
        if key.endswith("lines.json"):
            line = Line(1, json.loads(a_line()))
            document = [{"number": 1, "canonical_json": line.canonical_json}]
        put(key, document)

    with patch.object(buckets, "put_document", put_as_before):
        work_off(simulation, [a_line()])
    assert_one_video(simulation)
    work_off(simulation, [a_line()])
    assert 1 == len(simulation.jobs()) == len(simulation.tasks()) == receipt(simulation)["repeated"]


def test_a_changed_line_cancels_its_job_while_that_is_free(simulation: Simulation) -> None:
    """What waits for a slot has not been paid."""
    simulation.fake.vendor.switches = replace(simulation.fake.vendor.switches, task_seconds=600.0)
    with patch.dict("os.environ", MAX_IN_FLIGHT="1"):
        simulation.drop("drop/spring/batch.jsonl", "\n".join([a_line(seed=1), a_line(seed=2)]).encode())
        simulation.run_for(QUIET + 2)
        assert 2 == len(simulation.jobs())
        work_off(simulation, [a_line(seed=1), a_line(seed=3)])
    assert {1: "succeeded", 2: "cancelled", 3: "succeeded"} == {
        job.request.parameters["seed"]: job.state.value for job in simulation.jobs()
    }
    assert 2 == len(simulation.tasks())


@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_the_batch_that_dies_anywhere(simulation: Simulation, step: str) -> None:
    """The step is run again, and nothing is made or counted twice."""
    kills = points_of(OF_A_BATCH[step])
    for number, kill in enumerate(kills):
        simulation.kills["Batch"] = [*[None] * STEPS.index(step), kill]
        work_off(simulation, [a_line(seed=number)])
        assert [] == simulation.kills["Batch"]
        (row,) = rows(simulation)
        assert ("succeeded", "0.42") == (row["state"], row["cost"])
        told = receipt(simulation)
        assert 1 == told["jobs"]["succeeded"]
        assert 0 == told["repeated"]
        assert 0.42 == told["cost"]
        assert 0 == told["jobs"]["open"]
    assert [len(kills)] * 3 == [len(simulation.jobs()), len(simulation.tasks()), charges(simulation)]


@pytest.mark.parametrize("kill", points_of(OF_A_BATCH["Finish"]), ids=str)
def test_an_end_that_dies_anywhere(simulation: Simulation, kill: KillPoint) -> None:
    """Whether it died before its terminal write or before it notified the waiters, the batch is notified once."""
    simulation.kills["Finish"] = [kill]
    work_off(simulation, [a_line()])
    assert_one_video(simulation)


def test_an_end_that_never_comes_back_is_told_by_the_sweep(simulation: Simulation) -> None:
    """The execution of the job is lost between its terminal write and its word: the sweep runs the end again."""
    simulation.kills["Finish"] = [after("UpdateItem"), *[after("GetItem", 2)] * 7]
    simulation.drop("drop/spring/batch.jsonl", a_line().encode())
    simulation.run_for(HOUR)
    (job,) = simulation.jobs()
    simulation.kills.clear()
    assert ("succeeded", "FAILED") == (job.state.value, simulation.workflow.executions[job.id].status)
    simulation.sweep()
    simulation.run_for(60)
    assert_one_video(simulation)


def test_a_newer_file_replaces_an_older_one(simulation: Simulation) -> None:
    """Lines that were not submitted yet are not paid for; running ones continue as the same jobs."""
    simulation.fake.vendor.switches = replace(simulation.fake.vendor.switches, task_seconds=600.0)
    lines = [a_line(seed=number) for number in range(1, 13)]
    simulation.drop("drop/spring/batch.jsonl", "\n".join(lines).encode())
    simulation.run_for(QUIET + 2)
    work_off(simulation, lines[:2])
    assert (CONCURRENCY, CONCURRENCY) == (len(simulation.jobs()), len(simulation.tasks()))
    assert ["1", "2"] == [row["line"] for row in rows(simulation)]
    assert ("finished", 2) == (receipt(simulation)["state"], receipt(simulation)["lines"])


@pytest.mark.parametrize("part", [0.0004, 0.0006])
def test_a_line_does_not_supersede_itself(simulation: Simulation, part: float) -> None:
    """If a function was killed between a line's record and its execution, the repetition ignores rounded times."""
    simulation.clock.time = float(int(simulation.clock.time)) + part
    simulation.kills["Batch"] = [None, after("TransactWriteItems", 2)]
    work_off(simulation, [a_line()])
    assert ["succeeded"] == [job.state.value for job in simulation.jobs()]


@pytest.mark.parametrize("part", [0.0004, 0.0006])
def test_a_job_made_as_its_batch_starts_is_new(simulation: Simulation, part: float) -> None:
    """The table keeps milliseconds: rounded there, a job must not look older than the batch that made it."""
    simulation.clock.time = float(int(simulation.clock.time)) + part
    work_off(simulation, [a_line()])
    told = receipt(simulation)
    assert 0 == told["repeated"]
    assert 0.42 == told["cost"]

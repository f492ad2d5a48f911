"""Batches on a clock that stands still: every line has one job, one task and one end, whichever function dies when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.promise.batches import CONCURRENCY, HOUR, a_line, charges, quick, receipt, rows, work_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.promise import World

LINES, BAD = 16, {7, 11}
KILLS = (0, 2, 4, 6, 9, 12)


@pytest.fixture
def world() -> Iterator[World]:
    """Give an empty world."""
    with quick() as made:
        yield made


def assert_one_video(world: World) -> None:
    """Of a batch of one line, one job, task and charge came, and a row that says so."""
    (job,) = world.jobs()
    assert (1, 1) == (len(world.tasks()), charges(world))
    (row,) = rows(world)
    assert (job.id, "succeeded", "0.42") == (row["job"], row["state"], row["cost"])
    told = receipt(world)
    assert ("finished", 1, 0.42) == (told["state"], told["jobs"]["succeeded"], told["cost"])
    assert not [one for one in world.records("JOB") if one.get("is_open")]


def test_lines_become_jobs_in_turn(world: World) -> None:
    """Each good line is one job, task and charge, six at a time; the same file again is none, a mended line one."""
    lines = ["{oops" if number in BAD else a_line(seed=number) for number in range(1, LINES + 1)]
    good = LINES - len(BAD)
    assert CONCURRENCY == work_off(world, lines, times=3)
    assert [good] * 3 == [len(world.jobs()), len(world.tasks()), charges(world)]
    told, table = receipt(world), rows(world)
    assert ("finished", LINES, good, len(BAD)) == tuple(told[name] for name in ("state", "lines", "good", "bad"))
    assert (sorted(BAD), good) == ([fault["line"] for fault in told["faults"]], told["jobs"]["succeeded"])
    assert told["estimated_cost"] == told["cost"] == pytest.approx(0.42 * good)
    assert list(range(1, LINES + 1)) == [int(row["line"]) for row in table]
    assert BAD == {int(row["line"]) for row in table if row["state"] == "refused" and not row["job"] and row["error"]}
    by_job = {job.id: job for job in world.jobs()}
    for row in (row for row in table if row["job"]):
        job = by_job[row["job"]]
        assert (job.result and job.result.key, int(row["line"])) == (row["video"], job.request.seed)

    work_off(world, lines)
    told = receipt(world)
    assert (good, good, 0.0) == (len(world.tasks()), told["repeated"], told["cost"])

    work_off(world, [*lines[:6], a_line(seed=7), *lines[7:]])
    told = receipt(world)
    assert (good + 1, good + 1, good) == (len(world.tasks()), told["good"], told["repeated"])
    assert 0.42 == told["cost"]


@pytest.mark.parametrize("runs_before", [0, 1, 2, 3], ids=["read", "submit_line", "end_line", "close"])
def test_a_step_of_the_batch_that_dies_anywhere(world: World, runs_before: int) -> None:
    """The step is run again, and nothing is made or counted twice."""
    for kill_at in KILLS:
        world.kills["Batch"] = [*[1000] * runs_before, kill_at]
        work_off(world, [a_line(seed=kill_at)])
        assert [] == world.kills["Batch"]
        (row,) = rows(world)
        assert ("succeeded", "0.42") == (row["state"], row["cost"])
        told = receipt(world)
        assert (1, 0, 0.42, 0) == (told["jobs"]["succeeded"], told["repeated"], told["cost"], told["jobs"]["open"])
    assert [len(KILLS)] * 3 == [len(world.jobs()), len(world.tasks()), charges(world)]


@pytest.mark.parametrize("kill_at", KILLS)
def test_an_end_that_dies_anywhere(world: World, kill_at: int) -> None:
    """Whether it died before its terminal write or before it told who waits: the batch hears of it, once."""
    world.kills["Finish"] = [kill_at]
    work_off(world, [a_line()])
    assert_one_video(world)


def test_an_end_that_never_comes_back_is_told_by_the_sweep(world: World) -> None:
    """The execution of the job is lost between its terminal write and its word: the sweep runs the end again."""
    world.kills["Finish"] = [3] * 8
    world.put("drop/spring/batch.jsonl", a_line().encode())
    world.run_for(HOUR)
    (job,) = world.jobs()
    world.kills.clear()
    assert ("succeeded", "FAILED") == (job.state.value, world.workflow.executions[job.id].status)
    world.sweep()
    world.run_for(60)
    assert_one_video(world)


def test_a_newer_file_takes_the_place_of_an_older_one(world: World) -> None:
    """Lines whose turn had not come are not paid for; those that are under way go on, and are the same jobs."""
    lines = [a_line(seed=number) for number in range(1, 13)]
    world.put("drop/spring/batch.jsonl", "\n".join(lines).encode())
    world.run_for(12)
    work_off(world, lines[:2])
    assert (CONCURRENCY, CONCURRENCY) == (len(world.jobs()), len(world.tasks()))
    assert ["1", "2"] == [row["line"] for row in rows(world)]
    assert ("finished", 2) == (receipt(world)["state"], receipt(world)["lines"])


@pytest.mark.parametrize("part", [0.0004, 0.0006])
def test_a_line_is_not_overtaken_by_itself(world: World, part: float) -> None:
    """A function that died between a line's record and its execution is repeated, however the time was rounded."""
    world.clock.time = float(int(world.clock.time)) + part
    world.kills["Batch"] = [1000, 4]
    work_off(world, [a_line()])
    assert ["succeeded"] == [job.state.value for job in world.jobs()]

"""The calls that tests place their kills at are those of runs in which nobody dies."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import pytest
from gallop.adapters.table import task_durations

from tests.support.promise import fresh, recorded
from tests.support.promise.batches import a_line, begin, cancel, one_at_a_time, quick, work_off
from tests.support.promise.money import HOUR, caps, created, drop, go_to_noon
from tests.testbed.aws.kill_points import after, before, points_of


@pytest.fixture(scope="module")
def of_a_job() -> dict[str, list[str]]:
    """Give the longest run of each function for a job that came through a door."""
    longest: dict[str, list[str]] = {}
    for start in (created, lambda simulation: drop(simulation, "folder")):
        with fresh(listening=True) as simulation:
            simulation.notify()
            # Run times are read once a minute: all of the job's is one minute.
            simulation.fake.vendor.switches = replace(simulation.fake.vendor.switches, task_seconds=40.0)
            simulation.clock.advance(-simulation.clock.now() % task_durations.KEPT_SECONDS)
            start(simulation)
            simulation.run_for(HOUR)
            simulation.sweep()
            longest = {name: max(runs, key=len) for name, runs in simulation.made.items()} | longest
    return longest


@pytest.mark.parametrize("function", recorded.OF_A_JOB)
def test_a_job(of_a_job: dict[str, list[str]], function: str) -> None:
    """Each function that works for a job; a video is read piece by piece, as often as it takes."""
    made = of_a_job[function]
    if function == "Thumbnail":
        made = [name for name, _ in groupby(made)]
    assert [*recorded.OF_A_JOB[function]] == made


def test_a_wait() -> None:
    """A job that listens begins its first wait with one call."""
    with fresh(listening=True) as simulation:
        created(simulation)
        simulation.run_for(1)
    assert [*recorded.OF_A_WAIT] == simulation.made["Status"][0]


def test_a_renewal() -> None:
    """The last receipts of a job come after its thumbnail."""
    with fresh() as simulation:
        created(simulation)
        simulation.run_for(HOUR)
    assert [*recorded.OF_A_RENEWAL] == simulation.made["Finish"][-1]


def test_a_reconciliation() -> None:
    """The look that finds the task of a lost reply."""
    with fresh() as simulation:
        simulation.fake.fault(on="submit", kind="drop_after_accept")
        created(simulation)
        simulation.run_for(HOUR)
    # A look that comes too early only lists the tasks.
    looks = [calls for calls in simulation.made["Reconcile"] if "ListTasks" in calls]
    assert [*recorded.OF_A_RECONCILIATION] == max(looks, key=len)


def test_a_batch() -> None:
    """The steps of a batch of one line, in their order, and the end of its job."""
    with quick() as simulation:
        work_off(simulation, [a_line()])
    steps = dict(zip(("read", "submit_line", "end_line", "close"), simulation.made["Batch"], strict=True))
    assert {**steps, "Finish": simulation.made["Finish"][0]} == {
        name: [*calls] for name, calls in recorded.OF_A_BATCH.items()
    }


def test_a_cancel() -> None:
    """The event of a CANCEL beside a batch of two lines, and what it cancels."""
    with one_at_a_time() as simulation:
        begin(simulation, [a_line(seed=1), a_line(seed=2)])
        cancel(simulation)
        before_it = {name: len(simulation.made[name]) for name in ("Drops", "Batch")}
        simulation.run_for(1)
    made = {"Drops": simulation.made["Drops"], "cancel": simulation.made["Batch"]}
    first = {"Drops": before_it["Drops"], "cancel": before_it["Batch"]}
    assert recorded.OF_A_CANCEL == {name: tuple(runs[first[name]]) for name, runs in made.items()}


def test_a_release() -> None:
    """The sweep that finds room for a parked job."""
    with fresh() as simulation:
        go_to_noon(simulation)
        simulation.fake.fault(on="task", kind="never_ends")
        with caps(day=0.5):
            for folder in ("first", "second"):
                drop(simulation, folder)
                simulation.run_for(30)
            simulation.clock.advance(13 * HOUR)
            simulation.sweep()
    assert [*recorded.OF_A_RELEASE] == simulation.made["Reconcile"][0]


def test_a_run_can_die_before_its_first_call_and_after_each() -> None:
    """Calls with the same name are numbered."""
    points = points_of(["GetItem", "UpdateItem", "GetItem"])
    assert [before("GetItem"), after("GetItem"), after("UpdateItem"), after("GetItem", 2)] == points
    assert ["GetItem#1-before", "GetItem#1-after", "UpdateItem#1-after", "GetItem#2-after"] == [*map(str, points)]


def test_a_kill_that_meets_no_such_call_is_reported_by_its_name() -> None:
    """A test whose kill never struck fails, and says which call was not made."""

    def miss() -> None:
        with fresh() as simulation:
            simulation.kills["StartTask"] = [after("SendMessage")]
            created(simulation)
            simulation.run_for(1)

    with pytest.raises(AssertionError, match="StartTask SendMessage#1-after: its last run called GetItem, Upd"):
        miss()

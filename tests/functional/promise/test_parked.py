"""Drops over a cap wait, visibly, until there is room, or are refused if the stack is configured so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop import settings
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.table import jobs
from gallop.domain.job import JobState
from gallop.services import parked

from tests.support.pictures import picture
from tests.support.promise import Killed, Simulation, fresh
from tests.support.promise.batches import a_line, rows
from tests.support.promise.batches import receipt as batch_receipt
from tests.support.promise.money import DAY, HOUR, PRICE, caps, created, drop, go_to_noon, sweep_for, used
from tests.support.promise.recorded import OF_A_RELEASE
from tests.testbed.aws.kill_points import after, points_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job

    from tests.testbed.aws.kill_points import KillPoint

pytestmark = pytest.mark.promise("P9")


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Yield an empty simulation at noon of the tenth of a month."""
    with fresh() as made:
        go_to_noon(made)
        yield made


def drop_and_wait(simulation: Simulation, *folders: str) -> list[Job]:
    """Drop folders one after the other; return the job of each."""
    for folder in folders:
        drop(simulation, folder)
        simulation.run_for(30)
    return [job_of(simulation, folder) for folder in folders]


def job_of(simulation: Simulation, folder: str) -> Job:
    """Return the current job of a folder."""
    return simulation.job(str(status(simulation, folder)["job"]))


def status(simulation: Simulation, folder: str) -> dict[str, Any]:
    """Read a folder's status.json."""
    return simulation.receipt(f"{folder}/status.json")


def states(simulation: Simulation, *folders: str) -> list[str]:
    """Return the states of the folders' current jobs, from their receipts."""
    return [status(simulation, folder)["state"] for folder in folders]


def test_a_drop_over_the_cap_is_parked_and_says_so(simulation: Simulation) -> None:
    """It is recorded without an execution or a reservation; its receipt says why it waits, and until when."""
    with caps(day=0.5):
        first, second = drop_and_wait(simulation, "first", "second")
        sweep_for(simulation, HOUR)
    assert [JobState.SUCCEEDED, JobState.QUEUED] == [simulation.job(job.id).state for job in (first, second)]
    assert {first.id} == simulation.workflow.executions.keys()
    assert {"10": PRICE, "month": PRICE} == used(simulation)
    told = status(simulation, "second")
    assert "queued" == told["state"]
    assert told["queue_position"] is None
    assert told["error"] is None
    assert "stack's daily cap is $0.50: $0.42 is reserved or spent" in told["parked"]["message"]
    assert told["parked"]["retry_at"].endswith("-11T00:00:00Z")
    assert status(simulation, "first")["parked"] is None


def test_a_parked_job_runs_on_the_next_day(simulation: Simulation) -> None:
    """Jobs start automatically, in order of arrival, as far as the next day's cap allows."""
    folders = ("one", "two", "three", "four")
    with caps(day=0.9):
        drop_and_wait(simulation, *folders)
        sweep_for(simulation, 11 * HOUR)
        assert ["succeeded", "succeeded", "queued", "queued"] == states(simulation, *folders)
        sweep_for(simulation, 2 * HOUR)
    assert ["succeeded"] * 4 == states(simulation, *folders)
    assert {"10": 2 * PRICE, "11": 2 * PRICE, "month": 4 * PRICE} == used(simulation)
    released = job_of(simulation, "three")
    assert released.parked is None
    assert settings.deadline_seconds() == released.deadline - released.updated_at or released.ended_at
    assert 4 == len(simulation.tasks())


def test_parked_jobs_start_in_order_of_arrival(simulation: Simulation) -> None:
    """The first one starts first, however many days it takes."""
    folders = [f"{number}" for number in range(4)]
    with caps(day=0.5):
        drop_and_wait(simulation, *folders)
        for day in range(4):
            sweep_for(simulation, HOUR)
            assert ["succeeded" if number <= day else "queued" for number in range(4)] == states(simulation, *folders)
            simulation.clock.advance(23 * HOUR)


def test_room_that_is_freed_today_is_used_today(simulation: Simulation) -> None:
    """A job that returns its reservation makes room for one that waits."""
    with caps(client_day=0.5):
        simulation.fake.fault(on="task", kind="fail")
        drop_and_wait(simulation, "first", "second")
        sweep_for(simulation, HOUR)
    assert ["failed", "succeeded"] == states(simulation, "first", "second")
    assert {"10": PRICE, "month": PRICE} == used(simulation, "CLIENT#s3")


def test_a_monthly_cap_is_waited_for_until_the_next_month(simulation: Simulation) -> None:
    """The days in between release nothing."""
    with caps(day=5, month=0.5):
        _, job = drop_and_wait(simulation, "first", "second")
        assert job.parked is not None
        assert status(simulation, "second")["parked"]["retry_at"].endswith("-01T00:00:00Z")
        simulation.run_for(HOUR)
        for day in range(18):
            simulation.clock.advance(DAY)
            simulation.sweep()
            assert ("queued", day) == (states(simulation, "second")[0], day)
        simulation.clock.time = job.parked.until
        sweep_for(simulation, HOUR)
    assert ["succeeded"] * 2 == states(simulation, "first", "second")


def test_the_https_door_never_parks(simulation: Simulation) -> None:
    """Parked jobs do not block it: both doors use the same caps."""
    with caps(client_day=0.5):
        drop_and_wait(simulation, "first", "second")
        assert JobState.QUEUED is created(simulation).state
    assert {"10": PRICE, "month": PRICE} == used(simulation, "CLIENT#ada")


def test_a_parked_job_is_cancelled_immediately_and_free(simulation: Simulation) -> None:
    """A CANCEL file works as for any job; nothing was reserved, and nothing ever starts."""
    with caps(day=0.5):
        drop_and_wait(simulation, "first", "second", "third")
        simulation.drop("drop/second/CANCEL", b"")
        simulation.run_for(1)
        told = status(simulation, "second")
        assert "cancelled" == told["state"]
        assert "cancelled" == told["cancel"]["answer"]
        assert told["parked"] is None
        sweep_for(simulation, DAY)
    assert ["succeeded", "cancelled", "succeeded"] == states(simulation, "first", "second", "third")
    assert (2, PRICE) == (len(simulation.tasks()), used(simulation)["10"])
    assert not [one for one in simulation.records("JOB") if one.get("is_open")]


def test_a_cancel_that_is_killed_is_completed_by_the_sweep(simulation: Simulation) -> None:
    """A parked job that has ended is no longer parked."""
    with caps(day=0.5):
        *_, job = drop_and_wait(simulation, "first", "second")
        simulation.drop("drop/second/CANCEL", b"")
        simulation.kills["Drops"] = [after("UpdateItem"), *[after("GetItem")] * 4]
        sweep_for(simulation, 2 * HOUR)
    assert [] == simulation.kills["Drops"]
    assert JobState.CANCELLED is simulation.job(job.id).state
    assert "cancelled" == states(simulation, "second")[0]
    assert not [one for one in simulation.records("JOB") if one.get("is_open")]


def test_a_job_parked_past_its_deadline_fails_with_an_explanation(simulation: Simulation) -> None:
    """Others used the caps of three days; nothing was charged for it, and nothing is reserved."""
    with caps(day=0.5):
        _, job = drop_and_wait(simulation, "first", "second")
        given_up = status(simulation, "second")["parked"]["deadline"]
        assert given_up.endswith("-14T00:00:00Z")
        simulation.run_for(HOUR)
        simulation.clock.advance(12 * HOUR)
        for day in range(3):
            created(simulation, f"On day {day}, [Image 1] waves.")
            sweep_for(simulation, HOUR)
            assert JobState.QUEUED is simulation.job(job.id).state
            simulation.clock.advance(23 * HOUR)
        simulation.sweep()
    error = simulation.receipt("second/error.json")["error"]
    assert "budget_exceeded" == error["code"]
    assert "No budget became free in time." in error["message"]
    assert "raise the cap, then drop it again" in error["remedy"]
    assert "You have not been charged." in error["remedy"]
    assert {"10": PRICE, "11": PRICE, "12": PRICE, "13": PRICE, "month": 4 * PRICE} == used(simulation)


def test_a_cap_that_was_lowered_below_a_job_ends_it(simulation: Simulation) -> None:
    """It could never start, and would block all jobs behind it."""
    with caps(day=0.5):
        drop_and_wait(simulation, "first", "second")
    with caps(day=0.4):
        sweep_for(simulation, 600)
    error = simulation.receipt("second/error.json")["error"]
    assert ("budget_exceeded", True) == (error["code"], "this job alone" in error["message"])


def test_removing_the_cap_releases_all(simulation: Simulation) -> None:
    """Without a cap nothing is reserved."""
    folders = ("first", "second", "third")
    with caps(day=0.5):
        drop_and_wait(simulation, *folders)
    sweep_for(simulation, 1200)
    assert ["succeeded"] * 3 == states(simulation, *folders)
    assert PRICE == used(simulation)["10"]


def test_the_same_drop_again_is_the_parked_job(simulation: Simulation) -> None:
    """It is neither started nor reserved for, however often its events are repeated."""
    with caps(day=0.5):
        _, job = drop_and_wait(simulation, "first", "second")
        drop(simulation, "second")
        simulation.run_for(30)
        assert job.id == job_of(simulation, "second").id
    assert (2, {"10": PRICE, "month": PRICE}) == (len(simulation.jobs()), used(simulation))
    assert job.id not in simulation.workflow.executions


@pytest.mark.parametrize("kill", points_of(OF_A_RELEASE), ids=str)
def test_a_crash_at_any_call_of_the_release_loses_nothing(simulation: Simulation, kill: KillPoint) -> None:
    """Reserved and released in one write: the next sweep does the rest, and nothing is reserved twice."""
    simulation.fake.fault(on="task", kind="never_ends", times=1)
    with caps(day=0.5):
        _, job = drop_and_wait(simulation, "first", "second")
        simulation.clock.advance(13 * HOUR)
        simulation.kills["Reconcile"] = [kill]
        with pytest.raises(Killed):
            simulation.sweep()
        sweep_for(simulation, 1800)
    assert ("succeeded", 2) == (simulation.job(job.id).state.value, len(simulation.tasks()))
    assert {"10": PRICE, "11": PRICE, "month": 2 * PRICE} == used(simulation)


def test_two_sweeps_at_once_release_once(simulation: Simulation) -> None:
    """The slower sweep finds the job released and reserves nothing, although there is room for more."""
    with caps(day=0.5):
        drop_and_wait(simulation, "first", "second")
    unpark, others = jobs.unpark, [True]

    def overtaken(*args: Any) -> None:  # noqa: ANN401 - of the store
        if others:
            others.pop()
            simulation.sweep()
        unpark(*args)

    with caps(day=5):
        with patch.object(jobs, "unpark", overtaken):
            simulation.sweep()
        sweep_for(simulation, 1800)
    assert (2, 2 * PRICE) == (len(simulation.tasks()), used(simulation)["10"])


def test_the_sweep_does_not_restart_a_parked_job(simulation: Simulation) -> None:
    """It has no execution and must not get one."""
    with caps(day=0.5):
        drop_and_wait(simulation, "first", "second")
        simulation.run_for(HOUR)
        with patch.object(job_workflow, "start", side_effect=AssertionError):
            assert {"repaired": 0, "failed": 0} == simulation.sweep()


def test_a_stack_that_refuses_says_why(simulation: Simulation) -> None:
    """There is no job, and error.json has the amounts; uploaded again when there is room, the drop starts."""
    with caps(day=0.5), patch.dict("os.environ", OVER_CAP="refuse"):
        drop_and_wait(simulation, "first")
        drop(simulation, "second")
        simulation.run_for(30)
        error = simulation.receipt("second/error.json")
        assert error["job"] is None
        assert "refused" == error["state"]
        assert "budget_exceeded" == error["error"]["code"]
        assert 0.5 == error["budget"]["cap"]
        assert PRICE == error["budget"]["used"]
        assert PRICE == error["budget"]["estimated_cost"]
        assert "upload any of its files again" in error["error"]["remedy"]
        assert ["refused", 1] == [*states(simulation, "second"), len(simulation.jobs())]
        simulation.clock.advance(DAY)
        drop(simulation, "second")
        simulation.run_for(HOUR)
    assert "succeeded" == states(simulation, "second")[0]
    assert simulation.stored("second/error.json") is None


def test_a_job_larger_than_the_cap_is_not_parked(simulation: Simulation) -> None:
    """Waiting would not help it."""
    with caps(month=0.4):
        drop(simulation, "large")
        simulation.run_for(30)
    error = simulation.receipt("large/error.json")
    assert "this job alone is estimated at $0.42" in error["error"]["message"]
    assert [] == simulation.jobs()


def test_lines_of_a_batch_are_parked_and_run_on_the_next_day(simulation: Simulation) -> None:
    """The batch waits for them, and ends when they have ended."""
    lines = "\n".join(a_line(seed=number) for number in range(4))
    with caps(day=0.9):
        simulation.drop("drop/spring/batch.jsonl", lines.encode())
        sweep_for(simulation, 11 * HOUR)
        assert "running" == batch_receipt(simulation)["state"]
        assert ["queued", "queued", "succeeded", "succeeded"] == sorted(job.state.value for job in simulation.jobs())
        sweep_for(simulation, 3 * HOUR)
    told = batch_receipt(simulation)
    assert ("finished", 4) == (told["state"], told["jobs"]["succeeded"])
    assert {"10": 2 * PRICE, "11": 2 * PRICE, "month": 4 * PRICE} == used(simulation)


def test_lines_of_a_batch_are_refused_where_the_stack_refuses(simulation: Simulation) -> None:
    """Each line is refused with the amounts; uploading the file again on the next day creates the rest."""
    lines = "\n".join(a_line(seed=number) for number in range(4)).encode()
    with caps(day=0.9), patch.dict("os.environ", OVER_CAP="refuse"):
        simulation.drop("drop/spring/batch.jsonl", lines)
        simulation.run_for(2 * HOUR)
        told = batch_receipt(simulation)
        assert "finished" == told["state"]
        assert 2 == told["jobs"]["succeeded"]
        assert 2 == told["bad"]
        assert {"refused", "succeeded"} == {row["state"] for row in rows(simulation)}
        assert all("stack's daily cap is $0.90" in fault["detail"] for fault in told["faults"])
        simulation.clock.advance(DAY)
        simulation.drop("drop/spring/batch.jsonl", lines)
        simulation.run_for(2 * HOUR)
    told = batch_receipt(simulation)
    assert "finished" == told["state"]
    assert 4 == told["jobs"]["succeeded"]
    assert 2 == told["repeated"]


def put_folder(simulation: Simulation, folder: str, seconds: int) -> Job:
    """Drop a folder with a video of the given seconds; returns its job."""
    simulation.drop(f"drop/{folder}/1.jpg", picture())
    new_job = {"prompt": "[Image 1] waves.", "images": ["1.jpg"], "duration": seconds}
    simulation.drop(f"drop/{folder}/job.json", json.dumps(new_job).encode())
    simulation.run_for(30)
    return job_of(simulation, folder)


def test_a_job_that_waits_for_the_month_does_not_block_those_that_wait_for_a_day(simulation: Simulation) -> None:
    """0.42 and 0.70 exceed the month's cap, and twice 0.42 exceeds the day's: the small job runs tomorrow."""
    with caps(day=0.8, month=1.0):
        put_folder(simulation, "first", 3)
        large, small = put_folder(simulation, "large", 5), put_folder(simulation, "small", 3)
        sweep_for(simulation, 13 * HOUR)
    assert [JobState.QUEUED, JobState.SUCCEEDED] == [simulation.job(job.id).state for job in (large, small)]


def test_a_blocked_job_still_ends_at_its_deadline(simulation: Simulation) -> None:
    """The first job in the queue does not hide that those behind it are past their deadline."""
    with caps(day=0.5):
        first, second, third = drop_and_wait(simulation, "first", "second", "third")
        with patch.dict("os.environ", {"DAY_CAP": "0.43", "MONTH_CAP": "0.43"}):
            simulation.run_for(HOUR)
            simulation.clock.advance(simulation.job(third.id).deadline - simulation.clock.now() + 1)
            simulation.sweep()
    failures = [simulation.job(job.id).failure for job in (first, second, third)]
    assert [None, "budget_exceeded", "budget_exceeded"] == [failure and failure.code for failure in failures]


def test_a_job_that_was_parked_for_weeks_keeps_its_position(simulation: Simulation) -> None:
    """Its position and its token are kept from its release on, however long ago it was created."""
    with caps(month=0.5):
        _, second = drop_and_wait(simulation, "first", "second")
        assert second.parked
        simulation.clock.time = second.parked.until + HOUR
        with patch.dict("os.environ", {"MAX_IN_FLIGHT": "0"}):
            sweep_for(simulation, HOUR)
            (waiter,) = simulation.records("SLOT_WAITER")
    assert 3 * DAY < int(waiter["expires_at"]["N"]) - simulation.clock.now()


def test_many_jobs_over_the_monthly_cap_are_not_tried_each(simulation: Simulation) -> None:
    """The first one without room stands for all that cost no less, so a sweep is not slower for a hundred of them."""
    with caps(month=0.5):
        drop_and_wait(simulation, *(f"folder {number}" for number in range(6)))
        simulation.run_for(HOUR)
        with simulation.calls.run():
            parked.release_due()
    assert 1 == simulation.calls.made.count("TransactWriteItems")

"""What was dropped and is over a cap waits, visibly, until there is room; or it is refused, if the stack says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters.stepfunctions import job_workflow as workflow
from gallop.adapters.table import jobs as store
from gallop.domain.job import JobState
from gallop.services import parked

from tests.support.pictures import picture
from tests.support.promise import Killed, World, fresh
from tests.support.promise.batches import a_line, rows
from tests.support.promise.batches import receipt as batch_receipt
from tests.support.promise.money import DAY, HOUR, PRICE, caps, created, drop, go_to_noon, sweep_for, used

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job


# Of a sweep that releases one job.
CALLS_OF_A_RELEASE = 12


@pytest.fixture
def world() -> Iterator[World]:
    """Give an empty world at noon of a tenth."""
    with fresh() as made:
        go_to_noon(made)
        yield made


def drop_and_wait(world: World, *folders: str) -> list[Job]:
    """Drop folders one after the other; gives the job of each."""
    for folder in folders:
        drop(world, folder)
        world.run_for(30)
    return [job_of(world, folder) for folder in folders]


def job_of(world: World, folder: str) -> Job:
    """Give the job at the front of a folder."""
    return world.job(str(status(world, folder)["job"]))


def status(world: World, folder: str) -> dict[str, Any]:
    """Read a folder's status.json."""
    found = world.receipt(f"{folder}/status.json")
    assert found
    return found


def states(world: World, *folders: str) -> list[str]:
    """Give how the jobs of folders stand, as far as they are told."""
    return [status(world, folder)["state"] for folder in folders]


def test_what_is_over_the_cap_is_parked_and_says_so(world: World) -> None:
    """Recorded and queued, without an execution and without a reservation; its receipt says why, and until when."""
    with caps(day=0.5):
        first, second = drop_and_wait(world, "first", "second")
        sweep_for(world, HOUR)
    assert [JobState.SUCCEEDED, JobState.QUEUED] == [world.job(job.id).state for job in (first, second)]
    assert {first.id} == world.workflow.executions.keys()
    assert {"10": PRICE, "month": PRICE} == used(world)
    told = status(world, "second")
    assert ("queued", None, None) == (told["state"], told["place"], told["error"])
    assert "stack's day cap is $0.50: $0.42 of it are reserved or spent" in told["parked"]["message"]
    assert told["parked"]["until"].endswith("-11T00:00:00Z")
    assert status(world, "first")["parked"] is None


def test_it_runs_on_the_next_day(world: World) -> None:
    """By itself, in the order in which it came, as far as the next day's cap has room."""
    folders = ("one", "two", "three", "four")
    with caps(day=0.9):
        drop_and_wait(world, *folders)
        sweep_for(world, 11 * HOUR)
        assert ["succeeded", "succeeded", "queued", "queued"] == states(world, *folders)
        sweep_for(world, 2 * HOUR)
    assert ["succeeded"] * 4 == states(world, *folders)
    assert {"10": 2 * PRICE, "11": 2 * PRICE, "month": 4 * PRICE} == used(world)
    released = job_of(world, "three")
    assert released.parked is None
    assert 240 * 60 == released.deadline - released.updated_at or released.ended_at
    assert 4 == len(world.tasks())


def test_the_order_is_that_of_their_coming(world: World) -> None:
    """The first one starts first, however many days it takes."""
    folders = [f"{number}" for number in range(4)]
    with caps(day=0.5):
        drop_and_wait(world, *folders)
        for day in range(4):
            sweep_for(world, HOUR)
            assert ["succeeded" if number <= day else "queued" for number in range(4)] == states(world, *folders)
            world.clock.advance(23 * HOUR)


def test_room_that_comes_free_today_is_used_today(world: World) -> None:
    """A job that gives back what it reserved makes room for one that waits."""
    with caps(client_day=0.5):
        world.fake.fault(on="task", kind="fail")
        drop_and_wait(world, "first", "second")
        sweep_for(world, HOUR)
    assert ["failed", "succeeded"] == states(world, "first", "second")
    assert {"10": PRICE, "month": PRICE} == used(world, "CLIENT#s3")


def test_a_months_cap_is_waited_for_until_the_next_month(world: World) -> None:
    """The days in between bring nothing."""
    with caps(day=5, month=0.5):
        _, job = drop_and_wait(world, "first", "second")
        assert job.parked is not None
        assert status(world, "second")["parked"]["until"].endswith("-01T00:00:00Z")
        world.run_for(HOUR)
        for day in range(18):
            world.clock.advance(DAY)
            world.sweep()
            assert ("queued", day) == (states(world, "second")[0], day)
        world.clock.time = job.parked.until
        sweep_for(world, HOUR)
    assert ["succeeded"] * 2 == states(world, "first", "second")


def test_the_https_door_never_parks(world: World) -> None:
    """And what is parked does not hold it up: it draws on the same caps."""
    with caps(client_day=0.5):
        drop_and_wait(world, "first", "second")
        assert JobState.QUEUED is created(world).state
    assert {"10": PRICE, "month": PRICE} == used(world, "CLIENT#ada")


def test_a_parked_job_is_cancelled_for_free_and_at_once(world: World) -> None:
    """By a file, as any job; nothing was reserved, and nothing ever starts."""
    with caps(day=0.5):
        drop_and_wait(world, "first", "second", "third")
        world.put("drop/second/CANCEL", b"")
        world.run_for(1)
        told = status(world, "second")
        assert ("cancelled", "cancelled", None) == (told["state"], told["cancel"]["answer"], told["parked"])
        sweep_for(world, DAY)
    assert ["succeeded", "cancelled", "succeeded"] == states(world, "first", "second", "third")
    assert (2, PRICE) == (len(world.tasks()), used(world)["10"])
    assert not [one for one in world.records("JOB") if one.get("is_open")]


def test_a_cancel_that_dies_is_told_by_the_sweep(world: World) -> None:
    """A parked job that has ended is parked no more."""
    with caps(day=0.5):
        *_, job = drop_and_wait(world, "first", "second")
        world.put("drop/second/CANCEL", b"")
        world.kills["Drops"] = [5] * 5
        sweep_for(world, 2 * HOUR)
    assert [] == world.kills["Drops"]
    assert JobState.CANCELLED is world.job(job.id).state
    assert "cancelled" == states(world, "second")[0]
    assert not [one for one in world.records("JOB") if one.get("is_open")]


def test_one_that_waits_beyond_its_deadline_fails_in_words(world: World) -> None:
    """Others took the room of three days; nothing was charged for it, and nothing is reserved."""
    with caps(day=0.5):
        _, job = drop_and_wait(world, "first", "second")
        given_up = status(world, "second")["parked"]["given_up"]
        assert given_up.endswith("-14T00:00:00Z")
        world.run_for(HOUR)
        world.clock.advance(12 * HOUR)
        for day in range(3):
            created(world, f"On day {day}, [Image 1] waves.")
            sweep_for(world, HOUR)
            assert JobState.QUEUED is world.job(job.id).state
            world.clock.advance(23 * HOUR)
        world.sweep()
    error = (world.receipt("second/error.json") or {})["error"]
    assert "budget_exceeded" == error["code"]
    assert "No room came in time. Nothing was charged." in error["message"]
    assert "operator raise the cap, then drop it again" in error["remedy"]
    assert {"10": PRICE, "11": PRICE, "12": PRICE, "13": PRICE, "month": 4 * PRICE} == used(world)


def test_a_cap_that_was_lowered_below_a_job_ends_it(world: World) -> None:
    """It could never start, and would hold up all behind it."""
    with caps(day=0.5):
        drop_and_wait(world, "first", "second")
    with caps(day=0.4):
        sweep_for(world, 600)
    error = (world.receipt("second/error.json") or {})["error"]
    assert ("budget_exceeded", True) == (error["code"], "this job alone" in error["message"])


def test_a_cap_that_was_lifted_lets_all_go(world: World) -> None:
    """Without a cap nothing is reserved."""
    folders = ("first", "second", "third")
    with caps(day=0.5):
        drop_and_wait(world, *folders)
    sweep_for(world, 1200)
    assert ["succeeded"] * 3 == states(world, *folders)
    assert PRICE == used(world)["10"]


def test_the_same_drop_again_is_the_parked_job(world: World) -> None:
    """It is neither started nor reserved for, however often its events come."""
    with caps(day=0.5):
        _, job = drop_and_wait(world, "first", "second")
        drop(world, "second")
        world.run_for(30)
        assert job.id == job_of(world, "second").id
    assert (2, {"10": PRICE, "month": PRICE}) == (len(world.jobs()), used(world))
    assert job.id not in world.workflow.executions


@pytest.mark.parametrize("kill_at", range(CALLS_OF_A_RELEASE + 1))
def test_a_crash_at_any_call_of_the_release_loses_nothing(world: World, kill_at: int) -> None:
    """Reserved and released in one write: the next sweep does the rest, and nothing is reserved twice."""
    with caps(day=0.5):
        _, job = drop_and_wait(world, "first", "second")
        world.clock.advance(13 * HOUR)
        world.kills["Reconcile"] = [kill_at]
        with pytest.raises(Killed):
            world.sweep()
        sweep_for(world, 1800)
    assert ("succeeded", 2) == (world.job(job.id).state.value, len(world.tasks()))
    assert {"10": PRICE, "11": PRICE, "month": 2 * PRICE} == used(world)


def test_two_sweeps_at_once_release_once(world: World) -> None:
    """The slower one finds it released, and reserves nothing, although there is room for more."""
    with caps(day=0.5):
        drop_and_wait(world, "first", "second")
    unpark, others = store.unpark, [True]

    def overtaken(*args: Any) -> Job:  # noqa: ANN401 - of the store
        if others:
            others.pop()
            world.sweep()
        return unpark(*args)

    with caps(day=5):
        with patch.object(store, "unpark", overtaken):
            world.sweep()
        sweep_for(world, 1800)
    assert (2, 2 * PRICE) == (len(world.tasks()), used(world)["10"])


def test_the_sweep_does_not_take_a_parked_job_for_stranded(world: World) -> None:
    """It has no execution, and shall have none."""
    with caps(day=0.5):
        drop_and_wait(world, "first", "second")
        world.run_for(HOUR)
        with patch.object(workflow, "start", side_effect=AssertionError):
            assert {"repaired": 0, "failed": 0} == world.sweep()


def test_a_stack_that_refuses_says_why(world: World) -> None:
    """No job, and an error.json with the numbers; uploaded once more when there is room, it starts."""
    with caps(day=0.5), patch.dict("os.environ", OVER_CAP="refuse"):
        drop_and_wait(world, "first")
        drop(world, "second")
        world.run_for(30)
        error = world.receipt("second/error.json") or {}
        assert (None, "refused", "budget_exceeded") == (error["job"], error["state"], error["error"]["code"])
        assert (0.5, PRICE, PRICE) == tuple(error["budget"][name] for name in ("cap", "used", "estimated_cost"))
        assert "Upload any of its files once more" in error["error"]["remedy"]
        assert ["refused", 1] == [*states(world, "second"), len(world.jobs())]
        world.clock.advance(DAY)
        drop(world, "second")
        world.run_for(HOUR)
    assert "succeeded" == states(world, "second")[0]
    assert world.receipt("second/error.json") is None


def test_what_alone_is_over_a_cap_is_not_parked(world: World) -> None:
    """No waiting would help it."""
    with caps(month=0.4):
        drop(world, "large")
        world.run_for(30)
    error = world.receipt("large/error.json") or {}
    assert "this job alone is estimated at $0.42" in error["error"]["message"]
    assert [] == world.jobs()


def test_lines_of_a_batch_are_parked_and_run_on_the_next_day(world: World) -> None:
    """The batch waits with them, and ends when they have ended."""
    lines = "\n".join(a_line(seed=number) for number in range(4))
    with caps(day=0.9):
        world.put("drop/spring/batch.jsonl", lines.encode())
        sweep_for(world, 11 * HOUR)
        assert "running" == batch_receipt(world)["state"]
        assert ["queued", "queued", "succeeded", "succeeded"] == sorted(job.state.value for job in world.jobs())
        sweep_for(world, 3 * HOUR)
    told = batch_receipt(world)
    assert ("finished", 4) == (told["state"], told["jobs"]["succeeded"])
    assert {"10": 2 * PRICE, "11": 2 * PRICE, "month": 4 * PRICE} == used(world)


def test_lines_of_a_batch_are_refused_where_the_stack_refuses(world: World) -> None:
    """Line by line, with the numbers; the file uploaded again on the next day makes the rest."""
    lines = "\n".join(a_line(seed=number) for number in range(4)).encode()
    with caps(day=0.9), patch.dict("os.environ", OVER_CAP="refuse"):
        world.put("drop/spring/batch.jsonl", lines)
        world.run_for(2 * HOUR)
        told = batch_receipt(world)
        assert ("finished", 2, 2) == (told["state"], told["jobs"]["succeeded"], told["bad"])
        assert {"refused", "succeeded"} == {row["state"] for row in rows(world)}
        assert all("stack's day cap is $0.90" in fault["problem"] for fault in told["faults"])
        world.clock.advance(DAY)
        world.put("drop/spring/batch.jsonl", lines)
        world.run_for(2 * HOUR)
    told = batch_receipt(world)
    assert ("finished", 4, 2) == (told["state"], told["jobs"]["succeeded"], told["repeated"])


def put_folder(world: World, folder: str, seconds: int) -> Job:
    """Drop a folder whose video has so many seconds; gives its job."""
    world.put(f"drop/{folder}/1.jpg", picture())
    wish = {"prompt": "[Image 1] waves.", "images": ["1.jpg"], "duration": seconds}
    world.put(f"drop/{folder}/job.json", json.dumps(wish).encode())
    world.run_for(30)
    return job_of(world, folder)


def test_one_that_waits_for_the_next_month_holds_up_nobody_who_waits_for_a_day(world: World) -> None:
    """0.42 and 0.70 are more than the month has, and 0.42 twice more than the day: the small one runs tomorrow."""
    with caps(day=0.8, month=1.0):
        put_folder(world, "first", 3)
        large, small = put_folder(world, "large", 5), put_folder(world, "small", 3)
        sweep_for(world, 13 * HOUR)
    assert [JobState.QUEUED, JobState.SUCCEEDED] == [world.job(job.id).state for job in (large, small)]


def test_who_is_held_up_is_given_up_in_time(world: World) -> None:
    """The one in front does not hide that the time of those behind it is over."""
    with caps(day=0.5):
        first, second, third = drop_and_wait(world, "first", "second", "third")
        with patch.dict("os.environ", {"DAY_CAP": "0.43", "MONTH_CAP": "0.43"}):
            world.run_for(HOUR)
            world.clock.advance(world.job(third.id).deadline - world.clock.now() + 1)
            world.sweep()
    failures = [world.job(job.id).failure for job in (first, second, third)]
    assert [None, "budget_exceeded", "budget_exceeded"] == [failure and failure.code for failure in failures]


def test_a_place_of_one_that_was_parked_for_weeks_lasts(world: World) -> None:
    """Its turn and its token are kept from its release on, however long ago it was created."""
    with caps(month=0.5):
        drop_and_wait(world, "first", "second")
        world.clock.advance(22 * DAY)
        with patch.dict("os.environ", {"MAX_IN_FLIGHT": "0"}):
            sweep_for(world, HOUR)
            (turn,) = world.records("TURN")
    assert 3 * DAY < int(turn["expires_at"]["N"]) - world.clock.now()


def test_many_that_are_short_of_the_month_are_not_tried_each(world: World) -> None:
    """The first one without room speaks for all that cost no less, and a sweep is no dearer for a hundred of them."""
    with caps(month=0.5):
        drop_and_wait(world, *(f"folder {number}" for number in range(6)))
        world.run_for(HOUR)
        with world.calls.run():
            parked.release_due()
    assert 1 == world.calls.made.count("TransactWriteItems")

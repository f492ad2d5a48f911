"""A lane that fails is left, not waited for: its jobs go elsewhere, unless they may have a task, and it opens again."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING
from unittest.mock import patch

import httpx
import pytest
from gallop.adapters.table import jobs, slots
from gallop.domain.errors import WrongState
from gallop.domain.job import Attempt, JobState
from gallop.services import lanes

from tests.functional.services.test_lanes import (
    KEYS,
    NAMES,
    SLOTS,
    TASK_SECONDS,
    assert_one_task_each,
    host,
    in_flight,
    listed,
    simulation,
    stored,
)
from tests.functional.services.test_slots import create, run
from tests.support.promise.recorded import OF_A_JOB
from tests.testbed.aws.kill_points import points_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.adapters.table.slots import SlotPool

    from tests.support.promise import Simulation

__all__ = ["simulation"]
pytestmark = pytest.mark.promise("P5")
MINUTE = 60


def pool_of(name: str) -> SlotPool:
    """Return the slots of an account's lane."""
    return next(one for one in slots.pools() if f"#{name}|happyhorse-1.0-r2v" in one.lane)


@contextmanager
def troubled(simulation: Simulation) -> Iterator[dict[str, str]]:
    """Give each account's host a trouble, by name: ``down``, ``key``, ``throttled``, ``lost`` or ``lies``."""
    troubles: dict[str, str] = {}
    handle = simulation.fake.handle

    def answer(request: httpx.Request) -> httpx.Response:
        trouble = next(
            (what for name, what in troubles.items() if host(name).startswith(f"https://{request.url.host}")), ""
        )
        is_submit = request.method == "POST" and request.url.path.endswith("video-synthesis")
        if trouble == "down":
            raise httpx.ConnectError("no route to host", request=request)
        if trouble == "key":
            return httpx.Response(401, json={"code": "InvalidApiKey", "message": "Invalid API-key provided."})
        if trouble == "throttled" and is_submit:
            return httpx.Response(429, json={"code": "Throttling.RateQuota", "message": "Too many requests."})
        if trouble == "lost" and is_submit:
            handle(request)
            raise httpx.ReadTimeout("no reply", request=request)
        if trouble == "lies" and request.url.path.rstrip("/").endswith("/tasks"):
            return httpx.Response(200, json={"data": [], "total": 0, "total_page": 1, "page_no": 1, "page_size": 50})
        return handle(request)

    with patch.object(simulation.fake, "handle", answer):
        yield troubles


def all_done(simulation: Simulation) -> bool:
    """Return whether all jobs have succeeded."""
    return all(job.state is JobState.SUCCEEDED for job in simulation.jobs())


@pytest.mark.parametrize("trouble", ["key", "down", "throttled"])
def test_jobs_leave_a_lane_that_fails_and_it_opens_by_itself(simulation: Simulation, trouble: str) -> None:
    """None fails; the pauses grow; when the trouble is over, the lane is proven by one job and used again."""
    with stored(listed(*NAMES)), troubled(simulation) as troubles:
        troubles["two"] = trouble
        for number in range(10):
            create(simulation, f"job {number}")
        run(simulation, 8 * MINUTE)
        assert all_done(simulation)
        assert 0 == sum(task["account"] == "two" for task in simulation.tasks())
        assert 1 <= pool_of("two").failures
        for number in range(10, 20):
            create(simulation, f"job {number}")
        run(simulation, 6 * MINUTE)
        assert 2 <= pool_of("two").failures
        troubles.clear()
        simulation.clock.advance(30 * MINUTE)
        for number in range(20, 26):
            create(simulation, f"job {number}")
        run(simulation, 5 * MINUTE)
        assert 0 == pool_of("two").failures
        assert 1 <= sum(task["account"] == "two" for task in simulation.tasks())
    assert_one_task_each(simulation)


def test_a_job_that_may_have_a_task_stays(simulation: Simulation) -> None:
    """Its reply was lost in its lane: it is looked for there, while the jobs around it leave."""
    with stored(listed(*NAMES)), troubled(simulation) as troubles:
        troubles["two"] = "lost"
        for number in range(12):
            create(simulation, f"job {number}")
        simulation.run_for(10)
        lost = [job for job in simulation.jobs() if job.state is JobState.OUTCOME_UNKNOWN]
        assert ["two"] == [job.account for job in lost]
        troubles.clear()
        run(simulation, 10 * MINUTE)
    assert "two" == simulation.job(lost[0].id).account
    assert_one_task_each(simulation)


def test_an_attempt_and_a_move_exclude_each_other(simulation: Simulation) -> None:
    """An attempt cannot begin in a lane that its job has left, and a job with an attempt cannot leave."""
    with stored(listed(*NAMES)), patch.object(slots, "wake", lambda *_: False):
        job = simulation.job(create(simulation, "torn").id)
        simulation.run_due()
        stayed = jobs.get(job.id)
        lanes_of_model = next(pool.lanes for pool in slots.pools() if pool.lane == job.lane) or ()
        lane, home = (next(one for one in lanes_of_model if (one.name == stayed.lane) is own) for own in (False, True))
        other = next(pool for pool in slots.pools() if pool.lane == lane.name)
        assert slots.move(stayed, other, lane, simulation.clock.now())
        begun = replace(stayed.at(JobState.SUBMITTING, simulation.clock.now()), attempt=Attempt("a", 1.0))
        with pytest.raises(WrongState):
            jobs.advance(stayed, begun)
        moved = jobs.get(job.id)
        jobs.advance(moved, replace(begun, account=moved.account, base_url=moved.base_url))
        back = next(pool for pool in slots.pools() if pool.lane == stayed.lane)
        assert not slots.move(moved, back, home, simulation.clock.now())
    assert [job.id] == [*next(pool.holders for pool in slots.pools() if pool.lane == other.lane)]


def test_a_list_that_was_down_and_then_lies_makes_no_second_task(simulation: Simulation) -> None:
    """It must show no task for 90 seconds: one look after an outage is not enough."""
    with stored(listed("default", "two")), troubled(simulation) as troubles:
        for trouble, seconds in (("lost", 5), ("down", 150), ("lies", MINUTE)):
            troubles.update(default=trouble, two=trouble)
            if trouble == "lost":
                create(simulation, "unlucky")
            run(simulation, seconds)
        troubles.clear()
        run(simulation, 10 * MINUTE)
    assert_one_task_each(simulation)


def test_all_lanes_closed_is_said_with_a_time(simulation: Simulation) -> None:
    """Nothing fails: the job waits, its estimated start is when a lane opens, and it runs then."""
    with stored(listed("default", "two")), troubled(simulation) as troubles:
        troubles.update(default="key", two="key")
        for number in range(6):
            create(simulation, f"job {number}")
        run(simulation, 3 * MINUTE)
        assert [] == simulation.tasks()
        waiting = next(job for job in simulation.jobs() if job.slot_since is None)
        opens_at = min(pool.closed_until for pool in slots.pools() if pool.closed_until)
        position = lanes.starts_at(lanes.pool(waiting.lane), 1, TASK_SECONDS)
        assert position >= opens_at > simulation.clock.now()
        troubles.clear()
        run(simulation, 25 * MINUTE)
    assert_one_task_each(simulation)


def test_the_only_account_of_a_model_fails_as_ever(simulation: Simulation) -> None:
    """Where no other account may take a job, a wrong key ends it at once with its own code."""
    only = listed("default", "two", two={"models": ["happyhorse-1.0-t2v"]})
    with stored(only), troubled(simulation) as troubles:
        troubles["default"] = "key"
        job = create(simulation, "alone")
        run(simulation, MINUTE)
    failure = simulation.job(job.id).failure
    assert failure is not None
    assert ("vendor_refused", "InvalidApiKey") == (failure.code, failure.vendor_code)


@pytest.mark.parametrize("seed", range(2))
def test_lanes_that_die_and_return_at_random_make_no_second_task(simulation: Simulation, seed: int) -> None:
    """Wrong keys, outages, 429s, lost replies and a list that shows nothing for a minute: one create, one task."""
    random = Random(seed)
    for function in ("TakeSlot", "StartTask"):
        points = points_of(OF_A_JOB[function])
        simulation.kills[function] = [*random.sample(points, min(3, len(points)))]
    with stored(listed(*NAMES)), troubled(simulation) as troubles:
        for number in range(20):
            create(simulation, f"job {number}", random.choice(("ada", "bob", "eve")))
            name = random.choice(NAMES)
            troubles.pop(name, None)
            if random.random() < 0.6:
                troubles[name] = random.choice(("down", "key", "throttled", "lost"))
            # Of two minutes after a loss, the list may show nothing in one.
            with patch.dict(troubles, {"three": "lies"} if number in (7, 14) else {}):
                run(simulation, random.uniform(0, MINUTE))
            assert all(count <= SLOTS for count in in_flight(simulation).values())
        troubles.clear()
        simulation.kills.clear()
        for _ in range(60):
            run(simulation, 2 * MINUTE)
            if all_done(simulation):
                break
    assert_one_task_each(simulation)
    assert KEYS.keys() >= Counter(task["account"] for task in simulation.tasks()).keys()

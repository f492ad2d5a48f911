"""Several accounts behind one queue: each job runs in one lane, once, and no lane has more tasks than slots."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import secrets
from gallop.adapters.table import slots, task_durations
from gallop.domain import lanes as lane_names
from gallop.domain.errors import PlacementRefused
from gallop.domain.job import JobState
from gallop.services import lane_list

from fake_dashscope import KEY, FakeDashScope, Limits, Switches
from fake_dashscope.accounts import Account
from fake_dashscope.clock import ManualClock
from tests.functional.services.test_slots import SWEEP_SECONDS, create, run
from tests.support.promise import Simulation, fresh
from tests.support.promise.recorded import OF_A_JOB
from tests.testbed.aws.kill_points import points_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.promise("P5")

SLOTS, TASK_SECONDS = 2, 60
NAMES = ("default", "two", "three")
KEYS = {"default": KEY, "two": "sk-two", "three": "sk-three"}
MODEL = "happyhorse-1.0-r2v"


def host(name: str) -> str:
    """Return the base URL of an account's workspace."""
    return f"https://llm-{name}.ap-southeast-1.maas.aliyuncs.com/api/v1"


def listed(*names: str, **fields: dict[str, Any]) -> str:
    """Return a secret with accounts, some of them with more fields."""
    found = {name: {"base_url": host(name), "key": KEYS[name], **fields.get(name, {})} for name in names}
    return json.dumps({"accounts": found})


@contextmanager
def stored(text: str) -> Iterator[None]:
    """Store a secret, and let the stack notice."""
    with patch.object(secrets, "dashscope_key", lambda _: text):
        lane_list.publish("the-secret")
        yield


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Yield an empty simulation whose vendor has three accounts, and in which two tasks of each may be in flight."""
    accounts = [Account(name, (key,)) for name, key in KEYS.items()]
    switches = Switches(task_seconds=float(TASK_SECONDS), render_ahead=False, audio=False)
    fake = FakeDashScope(ManualClock(), accounts=accounts, limits=Limits.none(), switches=switches)
    with fresh(fake=fake) as made, patch.dict("os.environ", {"MAX_IN_FLIGHT": str(SLOTS), "MAX_WAIT_SECONDS": "0"}):
        yield made
    # The next simulation may begin at the same time.
    task_durations.clear_cache()


def held_by(account: str) -> list[str]:
    """Return the jobs that hold a slot of an account."""
    return [job_id for one in slots.pools() if lane_names.account_in(one.lane) == account for job_id in one.holders]


def in_flight(simulation: Simulation) -> Counter[str]:
    """Count the vendor's tasks that have not ended, by account."""
    return Counter(task["account"] for task in simulation.tasks() if task["status"] in ("PENDING", "RUNNING"))


def assert_one_task_each(simulation: Simulation) -> None:
    """Every job has succeeded, with the only task of its prompt, which is in the account of its record."""
    tasks = {task["task_id"]: task for task in simulation.tasks()}
    made = Counter(task["prompt"] for task in tasks.values())
    for job in simulation.jobs():
        assert JobState.SUCCEEDED is job.state, job.failure
        assert 1 == made[job.request.prompt]
        assert job.request.prompt == tasks[job.task_id]["prompt"]
        assert (job.account or "default") == tasks[job.task_id]["account"]
    assert not any(pool.holders for pool in slots.pools())
    assert [] == simulation.records("SLOT_WAITER")


def test_every_lane_serves_the_queue_within_its_limit(simulation: Simulation) -> None:
    """Jobs start in all lanes at once, never more in one than it has slots, and a freed slot is passed on."""
    most: Counter[str] = Counter()

    def look(_: str) -> None:
        most.update({name: max(0, count - most[name]) for name, count in in_flight(simulation).items()})

    with stored(listed(*NAMES, two={"in_flight": 4}, three={"models": ["happyhorse-1.0-t2v"]})):
        for number in range(18):
            create(simulation, f"job {number}")
        simulation.calls.on_call = look
        run(simulation, 1.5 * TASK_SECONDS)
        assert {"default": SLOTS, "two": 4} == most
        run(simulation, 6 * TASK_SECONDS)
    assert {"default": SLOTS, "two": 4} == most
    assert_one_task_each(simulation)


def test_a_client_with_one_job_is_next_in_whichever_lane(simulation: Simulation) -> None:
    """The round over the clients continues from lane to lane."""
    with stored(listed(*NAMES)):
        for number in range(20):
            create(simulation, f"ada {number}", "ada")
        for number in range(2):
            create(simulation, f"bob {number}", "bob")
        simulation.run_due()
        create(simulation, "eve 0", "eve")
        run(simulation, 10 * TASK_SECONDS)
    order = [job.request.prompt for job in sorted(simulation.jobs(), key=lambda job: job.slot_since or 0)]
    # The slots of each end are granted in the same moment.
    assert {"bob 0", "eve 0", "ada 6"} == set(order[6:9])
    assert {"bob 1", "ada 7", "ada 8"} == set(order[9:12])
    assert_one_task_each(simulation)


def test_the_emptiest_lane_is_next_by_its_weight(simulation: Simulation) -> None:
    """Lanes fill evenly; one with twice the weight gets two jobs for each of another."""
    with stored(listed("default", "two", default={"in_flight": 6}, two={"in_flight": 6, "weight": 2})):
        for number in range(6):
            create(simulation, f"job {number}")
        simulation.run_for(5)
        assert {"default": 2, "two": 4} == in_flight(simulation)


def test_position_and_start_count_all_lanes(simulation: Simulation) -> None:
    """Three lanes of two slots start six jobs with the next ends."""
    with stored(listed(*NAMES)):
        created = [create(simulation, f"job {number}") for number in range(13)]
        simulation.run_for(5)
        waiting = [simulation.job(job.id).queue_position for job in created[6:]]
        assert [*range(1, 8)] == [one.position for one in waiting if one]
        starts = [one.starts_at - simulation.clock.now() for one in waiting if one]
    assert max(starts[:6]) < starts[6]


@pytest.mark.parametrize("seed", range(2))
def test_no_breakdown_makes_a_second_task_or_loses_a_job(simulation: Simulation, seed: int) -> None:
    """With lost replies and functions killed at random in all lanes: one create, one task, in the lane of the job."""
    random = Random(seed)
    for function in ("TakeSlot", "StartTask", "Status", "Reconcile", "Finish"):
        points = points_of(OF_A_JOB[function])
        simulation.kills[function] = [*random.sample(points, min(4, len(points)))]
    with stored(listed(*NAMES)):
        for number in range(24):
            create(simulation, f"job {number}", random.choice(("ada", "bob", "eve")))
            if random.random() < 0.4:
                kind = random.choice(("drop_after_accept", "drop_before_accept", "500_after_accept", "502_html", "429"))
                simulation.fake.fault(on="submit", kind=kind)
            run(simulation, random.uniform(0, 40))
            assert all(count <= SLOTS for count in in_flight(simulation).values())
        for _ in range(60):
            run(simulation, 2 * TASK_SECONDS)
            if all(job.state is JobState.SUCCEEDED for job in simulation.jobs()):
                break
        # A kill that its function has had no occasion for is not asked of it.
        simulation.kills.clear()
        run(simulation, 3 * TASK_SECONDS)
    assert 3 == len({job.account for job in simulation.jobs()})
    assert_one_task_each(simulation)


def test_a_paused_account_ends_its_jobs_and_takes_no_more(simulation: Simulation) -> None:
    """The others take what waits; resumed, it takes jobs again within a minute."""
    with stored(listed(*NAMES)):
        for number in range(12):
            create(simulation, f"job {number}")
        simulation.run_for(5)
    with stored(listed(*NAMES, two={"paused": True})):
        assert SLOTS == len(held_by("two"))
        run(simulation, 8 * TASK_SECONDS)
        assert [] == held_by("two")
        assert SLOTS == sum(task["account"] == "two" for task in simulation.tasks())
    with stored(listed(*NAMES)):
        for number in range(12, 18):
            create(simulation, f"job {number}")
        run(simulation, 5 * TASK_SECONDS)
    assert 2 * SLOTS == sum(task["account"] == "two" for task in simulation.tasks())
    assert_one_task_each(simulation)


def test_the_list_grows_and_shrinks_under_waiting_jobs(simulation: Simulation) -> None:
    """Jobs that waited before there was a list, and those that wait when there is none any more, run once."""
    for number in range(12):
        create(simulation, f"job {number}")
    simulation.run_for(5)
    assert {"default": SLOTS} == in_flight(simulation)
    with stored(listed(*NAMES)):
        run(simulation, 65)
        assert {"two", "three"} <= set(in_flight(simulation))
        lane_list.publish("the-secret")
    with stored(listed("default", *NAMES[1:], two={"paused": True}, three={"paused": True})):
        run(simulation, 4 * TASK_SECONDS)
    with stored(KEY):
        assert all(pool.lanes is None for pool in slots.pools())
        run(simulation, 12 * TASK_SECONDS)
    assert_one_task_each(simulation)


def test_an_account_moves_to_another_host_with_jobs_in_flight(simulation: Simulation) -> None:
    """The lane stays the same, so its slots count, and its tasks are found at the new host."""
    with stored(listed("default", "two", two={"base_url": "https://dashscope-intl.aliyuncs.com/api/v1"})):
        for number in range(8):
            create(simulation, f"job {number}")
        simulation.run_for(5)
        before = {pool.lane for pool in slots.pools()}
    with stored(listed("default", "two")):
        assert before == {pool.lane for pool in slots.pools()}
        run(simulation, 6 * TASK_SECONDS)
    assert {host("two")} <= {job.base_url for job in simulation.jobs()}
    assert_one_task_each(simulation)


def test_a_broken_list_fails_no_job(simulation: Simulation) -> None:
    """Nothing is sent while the secret has a fault; once it is corrected, all jobs run."""
    with stored(listed(*NAMES)):
        for number in range(4):
            create(simulation, f"job {number}")
        with patch.object(secrets, "dashscope_key", lambda _: '{"accounts": {"two": {}}}'):
            run(simulation, 10 * TASK_SECONDS)
        assert [] == simulation.tasks()
        run(simulation, 10 * TASK_SECONDS)
    assert_one_task_each(simulation)


def test_one_key_leaves_no_trace_of_lanes(simulation: Simulation) -> None:
    """A stack with a bare key has the lane that it always had, and its jobs name no account."""
    with stored(KEY):
        job = create(simulation, "alone")
        run(simulation, 2 * TASK_SECONDS)
    (pool,) = slots.pools()
    assert (f"ap-southeast-1|the-secret|{MODEL}", None) == (pool.lane, pool.lanes)
    assert "" == simulation.job(job.id).account
    assert lane_names.has_queue(pool.lane)


REGIONS = {"default": "sg", "two": "eu", "three": "eu"}
PLACED: dict[str, dict[str, Any]] = {name: {"tags": {"region": region}} for name, region in REGIONS.items()}


def test_a_job_runs_only_where_it_may(simulation: Simulation) -> None:
    """However many wait, and whatever is free elsewhere; the others pass it where it may not run."""
    with stored(listed(*NAMES, **PLACED)):
        only_two = [create(simulation, f"two {number}", account="two") for number in range(5)]
        in_eu = [create(simulation, f"eu {number}", tags={"region": "eu"}) for number in range(5)]
        anywhere = [create(simulation, f"any {number}") for number in range(9)]
        simulation.run_due()
        assert {job.id for job in anywhere} >= set(held_by("default"))
        assert ([2, 2], 2) == ([len(held_by("two")), len(held_by("three"))], len(held_by("default")))
        run(simulation, 20 * TASK_SECONDS)
    ended = [simulation.job(job.id) for job in (*only_two, *in_eu, *anywhere)]
    assert {JobState.SUCCEEDED} == {job.state for job in ended}
    assert {"two"} == {job.account for job in ended[:5]}
    assert {"two", "three"} >= {job.account for job in ended[5:10]}
    assert_one_task_each(simulation)
    assert [] == [pool.lane for pool in slots.pools() if lane_names.is_restricted(pool.lane)]


def test_a_job_waits_for_a_paused_account_of_its_own(simulation: Simulation) -> None:
    """It does not run elsewhere; and what may not run anywhere is refused, at no cost."""
    with stored(listed(*NAMES, **{**PLACED, "two": {"paused": True, "tags": {"region": "eu"}}})):
        job = create(simulation, "patient", account="two")
        run(simulation, 20 * TASK_SECONDS)
        assert (JobState.QUEUED, 1) == (simulation.job(job.id).state, simulation.job(job.id).position)
        for asked in ({"account": "four"}, {"tags": {"region": "us"}}, {"account": "three", "tags": {"region": "sg"}}):
            with pytest.raises(PlacementRefused):
                create(simulation, "nowhere", **asked)
    with stored(listed(*NAMES, **PLACED)):
        run(simulation, 4 * TASK_SECONDS)
    assert ("two", JobState.SUCCEEDED) == ((ended := simulation.job(job.id)).account, ended.state)


def test_a_restricted_job_of_one_key_stays_there(simulation: Simulation) -> None:
    """Also if accounts are added while it waits, and after that its queue is gone."""
    with stored(KEY):
        first = [create(simulation, f"{number}", account="default") for number in range(4)]
        create(simulation, "anywhere")
        simulation.run_due()
    with stored(listed(*NAMES)):
        run(simulation, 6 * TASK_SECONDS)
    assert {("default", JobState.SUCCEEDED)} == {
        (job.account, job.state) for job in (simulation.job(one.id) for one in first)
    }
    with stored(KEY):
        run(simulation, SWEEP_SECONDS)
    assert {None} == {pool.lanes for pool in slots.pools()}

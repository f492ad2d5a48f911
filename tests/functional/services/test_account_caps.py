"""A cap of an account holds whatever happens; the others take what it has no room for, and it opens at its reset."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from gallop.domain import failures
from gallop.domain.errors import BudgetExceeded
from gallop.domain.job import JobState
from gallop.domain.prices import Scope
from gallop.services import slots as steps
from gallop.services.cancel import cancel

from tests.functional.services.test_failing_lanes import all_done, troubled
from tests.functional.services.test_lanes import NAMES, listed, simulation, stored
from tests.functional.services.test_slots import create, run
from tests.support.promise.money import HOUR, PRICE, caps, created, go_to_noon, used
from tests.support.promise.recorded import OF_A_JOB
from tests.testbed.aws.kill_points import points_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.promise import Simulation

__all__ = ["simulation"]
pytestmark = pytest.mark.promise("P9")
MINUTE = 60
CHEAP = 0.3713


@pytest.fixture(autouse=True)
def noon(simulation: Simulation) -> Iterator[None]:
    """Begin at noon of the tenth of a month; let each simulation read its own lanes and budgets."""
    steps.clear_cache()
    go_to_noon(simulation)
    yield
    steps.clear_cache()


def made_by(simulation: Simulation) -> Counter[str]:
    """Count the vendor's tasks by account."""
    return Counter(task["account"] for task in simulation.tasks())


def test_an_account_without_room_is_skipped_until_its_reset(simulation: Simulation) -> None:
    """Two jobs at 0.42 fit into 1.00 a day; the other account takes the rest, and at midnight it has room again."""
    with stored(listed("default", "two", two={"day_cap": 1, "weight": 9})):
        for number in range(6):
            create(simulation, f"job {number}")
        run(simulation, 6 * MINUTE)
        assert {"two": 2, "default": 4} == made_by(simulation)
        assert {"10": 0.84, "month": 0.84} == used(simulation, "ACCOUNT#two")
        simulation.clock.advance(12 * HOUR)
        create(simulation, "of the next day")
        run(simulation, 3 * MINUTE)
        assert all_done(simulation)
    assert 3 == made_by(simulation)["two"]
    assert {"10": 0.84, "11": PRICE, "month": 1.26} == pytest.approx(used(simulation, "ACCOUNT#two"))


def test_a_job_waits_for_the_reset_if_no_account_has_room(simulation: Simulation) -> None:
    """Its estimated start says so, it starts automatically, and waiting polls nothing."""
    with stored(listed("default", default={"day_cap": 0.5})):
        create(simulation, "first")
        waiting = create(simulation, "second")
        run(simulation, 5 * MINUTE)
        midnight = simulation.clock.now() // 86_400 * 86_400 + 86_400
        position = simulation.job(waiting.id).queue_position
        assert midnight == (position.starts_at if position else 0)
        simulation.clock.advance(12 * HOUR)
        run(simulation, 3 * MINUTE)
        assert all_done(simulation)


def test_a_wait_that_ends_for_a_cap_says_so(simulation: Simulation) -> None:
    """At its deadline a job fails without a charge, with a message that names the reason."""
    with stored(listed("default", default={"month_cap": 0.5})), patch.dict("os.environ", {"QUEUE_HOURS": "1"}):
        create(simulation, "first")
        waiting = create(simulation, "second")
        run(simulation, 3 * MINUTE)
        simulation.clock.advance(55 * MINUTE)
        run(simulation, 5 * MINUTE)
    failure = simulation.job(waiting.id).failure
    assert "waited_too_long" == (failure.code if failure else "")
    assert "has reached its spending cap" in (failure.message if failure else "")
    assert {"10": PRICE, "month": PRICE} == used(simulation, "ACCOUNT#default")


def test_a_job_that_fits_under_no_cap_is_refused(simulation: Simulation) -> None:
    """It would wait in vain. Another account without a cap takes it."""
    with (
        stored(listed("default", default={"day_cap": 0.41})),
        pytest.raises(BudgetExceeded, match="account's daily cap"),
    ):
        create(simulation, "too expensive")
    steps.clear_cache()
    with stored(listed("default", "two", default={"day_cap": 0.41})):
        create(simulation, "elsewhere")
        run(simulation, 3 * MINUTE)
    assert {"two": 1} == made_by(simulation)


def test_a_repeated_create_is_answered_whatever_the_caps_are_now(simulation: Simulation) -> None:
    """Its job has been accepted already."""
    first = created(simulation, idempotency_key="order-1")
    steps.clear_cache()
    with stored(listed("default", default={"day_cap": 0.41})):
        assert first.id == created(simulation, idempotency_key="order-1").id


@pytest.mark.parametrize("fault", ["fail", "never_ends"])
def test_a_job_without_a_video_returns_what_it_did_not_cost(simulation: Simulation, fault: str) -> None:
    """A failed task is free; what may be charged stays counted."""
    with stored(listed("default", default={"day_cap": 5})):
        create(simulation, "unlucky")
        simulation.fake.fault(on="task", kind=fault)
        simulation.run_for(5 * HOUR)
    assert JobState.FAILED is simulation.jobs()[0].state
    assert {PRICE if fault == "never_ends" else 0.0} == set(used(simulation, "ACCOUNT#default").values())


def test_each_cap_counts_the_prices_of_its_owner(simulation: Simulation) -> None:
    """The account reserves its own price, the stack the highest; both are settled by one cost, on their own days."""
    with stored(listed("default", "two", two={"day_cap": 5, "weight": 9, "price_scope": Scope.MAINLAND.value})):
        simulation.clock.advance(12 * HOUR - 1)
        with caps(day=5):
            create(simulation, "over midnight")
            simulation.clock.advance(2)
            simulation.run_for(10)
            assert ({"10": PRICE}, {"11": CHEAP}) == tuple(
                {day: usd for day, usd in used(simulation, owner).items() if day != "month"}
                for owner in ("ALL", "ACCOUNT#two")
            )
            run(simulation, 3 * MINUTE)
    assert {"10": CHEAP, "month": CHEAP} == used(simulation)
    assert {"11": CHEAP, "month": CHEAP} == used(simulation, "ACCOUNT#two")


def test_what_a_job_reserves_moves_with_it(simulation: Simulation) -> None:
    """One account gets its amount back in the write that reserves under the cap of the other, or none moves."""
    fields = {"day_cap": 1, "weight": 9}
    with stored(listed(*NAMES, two=fields, three={"day_cap": 0.4, "weight": 5})), troubled(simulation) as troubles:
        troubles["two"] = "down"
        create(simulation, "moves")
        simulation.run_for(10)
        (job,) = simulation.jobs()
        assert "default" == job.account
        assert {0.0} == set(used(simulation, "ACCOUNT#two").values())
        assert job.account_reserved is None
    assert {} == used(simulation, "ACCOUNT#three")


def test_the_models_of_an_account_share_its_cap(simulation: Simulation) -> None:
    """Their lanes have slots of their own, and one budget."""
    with stored(listed("default", default={"day_cap": 0.5})):
        create(simulation, "with a picture")
        create(simulation, "without one", images=[])
        run(simulation, 3 * MINUTE)
    assert [JobState.QUEUED, JobState.SUCCEEDED] == sorted(job.state for job in simulation.jobs())


def test_a_job_that_does_not_fit_holds_up_no_other_queue(simulation: Simulation) -> None:
    """A cheaper job that may run on this account alone gets its slot, while the other job waits for both."""
    with stored(listed("default", "two", default={"in_flight": 1}, two={"day_cap": 0.5, "weight": 9})):
        for number in range(2):
            create(simulation, f"expensive {number}", duration=5)
        create(simulation, "cheap", account="two")
        simulation.run_for(30)
        placed = {job.request.prompt: job.account for job in simulation.jobs()}
    assert {"expensive 0": "default", "expensive 1": "", "cheap": "two"} == placed


def test_a_cap_adds_few_calls(simulation: Simulation) -> None:
    """Without one there is none; a grant reads the job once, and an account without room is tried once per grant."""
    counted = []
    for fields in ({}, {"day_cap": 50}, {"day_cap": 0.43}):
        with stored(listed("default", "two", two={**fields, "weight": 9})):
            run(simulation, 2 * MINUTE)
            simulation.made.clear()
            create(simulation, f"with {fields}")
            simulation.run_for(3 * MINUTE)
        made = Counter(call for runs in simulation.made.values() for calls in runs for call in calls)
        counted.append(made["GetItem"] + made["TransactWriteItems"])
    plain, roomy, full = counted
    assert plain + 2 >= roomy
    assert plain + 5 >= full


def test_a_job_cancelled_while_it_waits_returns_nothing_twice(simulation: Simulation) -> None:
    """It had reserved nothing; one that is cancelled with a slot returns its amount once."""
    with stored(listed("default", default={"day_cap": 0.5})):
        first, second = create(simulation, "first"), create(simulation, "second")
        simulation.run_due()
        for job in (second, first, first):
            cancel(job.id)
        run(simulation, 3 * MINUTE)
    assert {JobState.CANCELLED} == {job.state for job in simulation.jobs()}
    assert {0.0} == set(used(simulation, "ACCOUNT#default").values())


def finish(simulation: Simulation) -> None:
    """Let time pass until all jobs have ended and are settled."""
    for _ in range(30):
        run(simulation, 2 * MINUTE)
        if all(job.ended_at for job in simulation.jobs()):
            break
    run(simulation, 3 * MINUTE)
    assert all(job.ended_at for job in simulation.jobs())


def costs(simulation: Simulation) -> dict[str, Decimal]:
    """Sum what the jobs have cost, by owner; of a job whose cost is unknown, what it reserved."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for job in simulation.jobs():
        charged = failures.charge_of(job)
        for reserved in filter(None, (job.reserved, job.account_reserved)):
            for owner in reserved.owners:
                found[owner] += reserved.amount if charged is None else charged
    return found


@pytest.mark.parametrize("seed", range(2))
def test_the_sums_are_right_after_any_breakdown(simulation: Simulation, seed: int) -> None:
    """Kills, lost replies, failing lanes: no cap is exceeded, and in the end each has what its jobs have cost."""
    random = Random(seed)
    for function in ("TakeSlot", "StartTask", "Status", "Reconcile", "Finish"):
        simulation.kills[function] = random.sample(points_of(OF_A_JOB[function]), 4)
    limits = {"two": 2, "three": 1.5}
    fields = {name: {"day_cap": usd, "price_scope": random.choice(list(Scope)).value} for name, usd in limits.items()}
    with stored(listed(*NAMES, **fields)), caps(day=100, client_day=50), troubled(simulation) as troubles:
        for number in range(16):
            job = create(simulation, f"job {number}", random.choice(("ada", "bob", "eve")))
            troubles[random.choice(NAMES)] = random.choice(("", "", "down", "key", "throttled", "lost"))
            if random.random() < 0.2:
                simulation.fake.fault(on="task", kind="fail")
            if random.random() < 0.1:
                cancel(job.id)
            run(simulation, random.uniform(0, 30))
            assert all(used(simulation, f"ACCOUNT#{name}").get("10", 0) <= usd for name, usd in limits.items())
        troubles.clear()
        simulation.kills.clear()
        finish(simulation)
    expected = costs(simulation)
    assert {"ALL", "CLIENT#ada", "CLIENT#bob", "CLIENT#eve", "ACCOUNT#two", "ACCOUNT#three"} == set(expected)
    assert {owner: pytest.approx(float(usd)) for owner, usd in expected.items()} == {
        owner: used(simulation, owner)["month"] for owner in expected
    }

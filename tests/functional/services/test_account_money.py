"""Accounts with prices of their own: a job is reserved at the highest, and settled at that of the one which ran it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from gallop.adapters.table import jobs, slots
from gallop.domain.job import JobState
from gallop.domain.placement import Placement
from gallop.domain.prices import Scope
from gallop.services import accept, lane_list

from tests.functional.services.test_lanes import TASK_SECONDS, listed, simulation, stored
from tests.functional.services.test_slots import create, run
from tests.support.promise.money import PRICE, caps, used

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.promise import Simulation

__all__ = ["simulation"]
pytestmark = pytest.mark.promise("P9")

# Of three seconds at 720P.
CHEAP = 0.3713
MAINLAND = {"price_scope": Scope.MAINLAND.value}


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Let each simulation read its own list of lanes."""
    lane_list.clear_cache()
    yield
    lane_list.clear_cache()


def test_the_highest_price_is_reserved_and_that_of_the_account_is_settled(simulation: Simulation) -> None:
    """Whichever account takes the job: the caps of the stack hold, and the difference comes back at the end."""
    with stored(listed("default", "two", two={**MAINLAND, "weight": 9})), caps(day=5):
        job = create(simulation, "a girl")
        assert {PRICE} == set(used(simulation).values())
        run(simulation, 3 * TASK_SECONDS)
        ended = simulation.job(job.id)
    assert JobState.SUCCEEDED is ended.state
    assert Scope.INTERNATIONAL == (ended.estimate or pytest.fail("no estimate")).scope
    assert Scope.MAINLAND is ended.scope
    assert Decimal(str(CHEAP)) == ended.cost
    assert {CHEAP} == set(used(simulation).values())


def test_an_estimate_counts_only_accounts_that_may_take_the_job(simulation: Simulation) -> None:
    """Without a list, the host of the stack decides."""
    request = create(simulation, "a girl").request
    in_two = replace(request, placement=Placement(account="two"))
    lane_list.clear_cache()
    with stored(listed("default", "two", two=MAINLAND)):
        assert Decimal(str(PRICE)) == accept.estimate(request).usd
        assert Decimal(str(CHEAP)) == accept.estimate(in_two).usd


def test_a_job_that_moves_has_the_prices_of_its_new_account(simulation: Simulation) -> None:
    """Its record says so in the same write."""
    accounts = listed("default", "two", default={"weight": 9}, two=MAINLAND)
    with stored(accounts), patch.object(slots, "wake", lambda *_: False):
        job = create(simulation, "torn")
        simulation.run_due()
        here = jobs.get(job.id)
        assert ("default", Scope.INTERNATIONAL) == (here.account, here.scope)
        two = next(lane for pool in slots.pools() for lane in pool.lanes or () if lane.account == "two")
        to = next(pool for pool in slots.pools() if pool.lane == two.name)
        assert slots.move(here, to, two, simulation.clock.now())
    assert Scope.MAINLAND is jobs.get(job.id).scope

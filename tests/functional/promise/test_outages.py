"""A line of jobs while DashScope is away, refuses all, or wants a key: that costs those who wait nothing but time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import dashscope
from gallop.domain.errors import VendorRefused, VendorUnreachable
from gallop.domain.job import JobState

from tests.support.promise import World, fresh
from tests.support.promise.money import HOUR, created

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.dashscope import replies
    from gallop.domain.job import Job

MINUTE = 60


@pytest.fixture
def world() -> Iterator[World]:
    """Give an empty world."""
    with fresh() as made:
        yield made


def line_of(world: World, jobs: int) -> list[Job]:
    """Create so many jobs."""
    return [created(world, f"Wish {number} of [Image 1].") for number in range(jobs)]


def run(world: World, seconds: float) -> None:
    """Let time pass, with the sweep that comes every minute."""
    for _ in range(round(seconds / MINUTE)):
        world.run_for(MINUTE)
        world.sweep()


def failed(world: World, jobs: list[Job]) -> list[str]:
    """Name the reasons of those that failed."""
    ends = [world.job(job.id) for job in jobs]
    return [job.failure.code for job in ends if job.failure]


def refusing(world: World, seconds: float, error: Exception) -> Any:  # noqa: ANN401 - a patch
    """Let no submit through for so long."""
    submit, until = dashscope.submit, world.clock.now() + seconds

    def submit_later(*arguments: Any) -> replies.Accepted:  # noqa: ANN401 - as they come
        if world.clock.now() < until:
            raise error
        return submit(*arguments)

    return patch.object(dashscope, "submit", submit_later)


def test_a_quarter_of_an_hour_without_dashscope_fails_nobody(world: World) -> None:
    """Those who hold a slot try again until there is a connection; those behind them wait as before."""
    with refusing(world, 15 * MINUTE, VendorUnreachable("no connection")):
        jobs = line_of(world, 20)
        run(world, HOUR)
    assert {JobState.SUCCEEDED} == {world.job(job.id).state for job in jobs}
    assert len(jobs) == len(world.tasks())


def test_limits_that_stay_on_for_hours_fail_nobody_before_the_deadline(world: World) -> None:
    """A 429 for three and a half hours closes the lane for all, and each waits as long as its deadline allows."""
    world.fake.fault(on="submit", kind="429", times=10**6)
    jobs = line_of(world, 6)
    run(world, 3.5 * HOUR)
    assert [] == failed(world, jobs)


def test_a_wrong_key_fails_a_job_a_minute_and_not_the_whole_line(world: World) -> None:
    """The first one tells what is wrong with the account at once; most others are still there when that is mended."""
    with refusing(world, 3 * MINUTE, VendorRefused("InvalidApiKey", "no such key")):
        jobs = line_of(world, 20)
        run(world, MINUTE)
        assert ["vendor_refused"] == failed(world, jobs)[:1]
        run(world, HOUR)
    assert len(failed(world, jobs)) <= 4
    assert len(jobs) == len(failed(world, jobs)) + len(world.tasks())

"""A queue of jobs while DashScope is unavailable, refuses all, or rejects the key: waiting jobs lose time only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import dashscope
from gallop.domain.errors import VendorRefused, VendorUnreachable
from gallop.domain.job import JobState

from tests.support.promise.money import HOUR, created

if TYPE_CHECKING:
    from gallop.domain.dashscope import replies
    from gallop.domain.job import Job

    from tests.support.promise import Simulation

pytestmark = pytest.mark.promise("P5", "P6", "P7")

MINUTE = 60


def queue_of(simulation: Simulation, jobs: int) -> list[Job]:
    """Create a number of jobs."""
    return [created(simulation, f"Clip {number} of [Image 1].") for number in range(jobs)]


def run(simulation: Simulation, seconds: float) -> None:
    """Let time pass, with a sweep every minute."""
    for _ in range(round(seconds / MINUTE)):
        simulation.run_for(MINUTE)
        simulation.sweep()


def failed(simulation: Simulation, jobs: list[Job]) -> list[str]:
    """Return the failure codes of the jobs that failed."""
    ends = [simulation.job(job.id) for job in jobs]
    return [job.failure.code for job in ends if job.failure]


def refusing(simulation: Simulation, seconds: float, error: Exception) -> Any:  # noqa: ANN401 - a patch
    """Refuse every submit for a number of seconds."""
    submit, until = dashscope.submit, simulation.clock.now() + seconds

    def submit_later(*arguments: Any) -> replies.Accepted:  # noqa: ANN401 - as they come
        if simulation.clock.now() < until:
            raise error
        return submit(*arguments)

    return patch.object(dashscope, "submit", submit_later)


def test_an_outage_of_a_quarter_of_an_hour_fails_no_job(simulation: Simulation) -> None:
    """Jobs with a slot retry until there is a connection; those behind them wait as before."""
    with refusing(simulation, 15 * MINUTE, VendorUnreachable("no connection")):
        jobs = queue_of(simulation, 20)
        run(simulation, HOUR)
    assert {JobState.SUCCEEDED} == {simulation.job(job.id).state for job in jobs}
    assert len(jobs) == len(simulation.tasks())


def test_rate_limits_for_hours_fail_no_job_before_its_deadline(simulation: Simulation) -> None:
    """A 429 for three and a half hours closes the lane, and each job waits as long as its deadline allows."""
    simulation.fake.fault(on="submit", kind="429", times=10**6)
    jobs = queue_of(simulation, 6)
    run(simulation, 3.5 * HOUR)
    assert [] == failed(simulation, jobs)


def test_a_wrong_key_fails_a_job_a_minute_and_not_the_whole_queue(simulation: Simulation) -> None:
    """The first failure explains what is wrong with the account; most others still wait when that is fixed."""
    with refusing(simulation, 3 * MINUTE, VendorRefused("InvalidApiKey", "no such key")):
        jobs = queue_of(simulation, 20)
        run(simulation, MINUTE)
        assert ["vendor_refused"] == failed(simulation, jobs)[:1]
        run(simulation, HOUR)
    assert len(failed(simulation, jobs)) <= 4
    assert len(jobs) == len(failed(simulation, jobs)) + len(simulation.tasks())

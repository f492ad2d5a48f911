"""A job whose execution a bug has ended is resumed when an operator asks for it, not at the sweep's next time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.domain.job import JobState
from gallop.services import resume
from gallop.services.resume import Resumption

from tests.functional.promise.test_bugs import MINUTE, with_a_bug
from tests.testbed.aws.kill_points import before

if TYPE_CHECKING:
    from tests.support.promise import Simulation


def test_an_interrupted_job_is_resumed_at_once(simulation: Simulation) -> None:
    """It waits for minutes after several failures; with the bug fixed, it ends within two, as one task."""
    job = with_a_bug(simulation, "SaveResult", before("UploadPart", 1))
    assert job.interruption
    simulation.bugs.clear()
    assert (Resumption.RESUMED, "") == resume.resume(job.id)
    simulation.run_for(2 * MINUTE)
    assert JobState.SUCCEEDED is simulation.job(job.id).state
    assert 1 == len(simulation.tasks())
    assert (Resumption.ENDED, "") == resume.resume(job.id)


def test_a_job_that_runs_is_left_alone(simulation: Simulation) -> None:
    """It has one execution."""
    simulation.post("She waves.")
    simulation.run_for(5)
    (job,) = simulation.jobs()
    assert (Resumption.RUNNING, "") == resume.resume(job.id)
    assert 0 == simulation.job(job.id).resumes

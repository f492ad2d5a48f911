"""What a job costs in calls to its neighbours, and in transitions: neither grows unnoticed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from gallop.domain.job import JobState
from gallop.media import pictures

from tests.support.pictures import picture
from tests.support.promise import fresh
from tests.support.promise.money import HOUR, created

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.promise import Simulation

MAX_TRANSITIONS = 17


def request(simulation: Simulation) -> None:
    """Create a job at the HTTPS door."""
    created(simulation)


def folder(simulation: Simulation) -> None:
    """Drop a folder of three files."""
    simulation.drop("drop/spring/1.jpg", picture())
    simulation.drop("drop/spring/2.jpg", picture(shade=60))
    simulation.drop("drop/spring/prompt.txt", b"The woman of [Image 1] smiles at that of [Image 2].")


def made_by(start: Callable[[Simulation], None]) -> tuple[list[str], int]:
    """Run a job completely; return the calls and the number of transitions of its lane's second job."""
    with fresh() as simulation:
        created(simulation, "The girl of [Image 1] sings.")
        simulation.run_for(HOUR)
        before = sum(simulation.workflow.entered.values())
        simulation.made.clear()
        start(simulation)
        simulation.run_for(HOUR)
        assert [JobState.SUCCEEDED] * 2 == [job.state for job in simulation.jobs()]
        transitions = sum(simulation.workflow.entered.values()) - before
        return [call for runs in simulation.made.values() for calls in runs for call in calls], transitions


@pytest.mark.parametrize(("start", "limit"), [(request, 60), (folder, 85)], ids=["https", "s3"])
def test_a_job_makes_few_calls(start: Callable[[Simulation], None], limit: int) -> None:
    """Each call takes time and costs money: a record is neither read nor written twice for one change."""
    calls, transitions = made_by(start)
    assert limit >= len(calls), Counter(calls)
    assert MAX_TRANSITIONS >= transitions


def test_a_picture_is_decoded_once() -> None:
    """However often its folder is looked at."""
    with fresh() as simulation, patch.object(pictures, "examine", wraps=pictures.examine) as examine:
        folder(simulation)
        simulation.run_for(HOUR)
        assert 2 == examine.call_count

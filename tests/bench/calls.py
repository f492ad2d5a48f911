"""What a job costs in calls to its neighbours and in transitions, counted in a simulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest.mock import patch

from gallop.adapters.table import task_durations
from gallop.domain.job import JobState
from gallop.media import pictures

from tests.support.pictures import picture
from tests.support.promise import fresh
from tests.support.promise.money import HOUR, created

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.promise import Simulation


@dataclass(frozen=True, slots=True)
class Counted:
    """One job: its calls in their order, its transitions, and how often its pictures were decoded."""

    calls: tuple[str, ...]
    transitions: int
    decodes: int


@dataclass(frozen=True, slots=True)
class Calls:
    """A job of each door; that of the S3 door has three files, of which two are pictures."""

    https: Counted
    s3: Counted


def measure(say: Callable[[str], None]) -> Calls:
    """Count the calls of a job at each door."""
    say("a job at each door")
    return Calls(made_by(request), made_by(folder))


def request(simulation: Simulation) -> None:
    """Create a job at the HTTPS door."""
    created(simulation)


def folder(simulation: Simulation) -> None:
    """Drop a folder of three files."""
    simulation.drop("drop/spring/1.jpg", picture())
    simulation.drop("drop/spring/2.jpg", picture(shade=60))
    simulation.drop("drop/spring/prompt.txt", b"The woman of [Image 1] smiles at that of [Image 2].")


def made_by(start: Callable[[Simulation], None]) -> Counted:
    """Run a job completely, and count what its lane's second job does."""
    with fresh() as simulation:
        created(simulation, "The girl of [Image 1] sings.")
        simulation.run_for(HOUR)
        # Run times are read once a minute: a job that begins within one may read them twice.
        simulation.clock.advance(-simulation.clock.now() % task_durations.KEPT_SECONDS)
        before = sum(simulation.workflow.entered.values())
        simulation.made.clear()
        with patch.object(pictures, "examine", wraps=pictures.examine) as examine:
            start(simulation)
            simulation.run_for(HOUR)
        assert [JobState.SUCCEEDED] * 2 == [job.state for job in simulation.jobs()]
        transitions = sum(simulation.workflow.entered.values()) - before
        calls = [call for runs in simulation.made.values() for made in runs for call in made]
        return Counted(tuple(calls), transitions, examine.call_count)

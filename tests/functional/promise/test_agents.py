"""An agent that repeats a call of the MCP door, whatever became of it: one job, one task, one charge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.agents import VIDEO, Agent
from tests.support.promise import Killed, Simulation
from tests.testbed.aws.kill_points import points_of

if TYPE_CHECKING:
    from tests.testbed.aws.kill_points import KillPoint

pytestmark = pytest.mark.promise("P1")

MINUTE, HOUR = 60, 3600
POINTS = points_of(("TransactWriteItems", "PutObject", "GetItem", "StartExecution"))


def repeat_blindly(simulation: Simulation, *kills: KillPoint | None) -> None:
    """Call ten times, once a minute; the first calls die where ``kills`` says, and no answer arrives."""
    agent = Agent(simulation)
    simulation.kills["Mcp"] = list(kills)
    died = 0
    for _ in range(10):
        try:
            agent.make()
        except Killed:
            died += 1
        simulation.run_for(MINUTE)
    assert len(kills) == died
    simulation.run_for(HOUR)


def assert_made_once(simulation: Simulation) -> None:
    """Assert that there is one job, one task and one charge."""
    (job,) = simulation.jobs()
    (task,) = simulation.tasks()
    assert "succeeded" == job.state
    assert job.task_id == task["task_id"]
    assert VIDEO["duration"] == task["billed_seconds"]


def test_ten_calls_whose_answers_are_lost_are_one_task(simulation: Simulation) -> None:
    """The agent times out at every call."""
    repeat_blindly(simulation)
    assert_made_once(simulation)


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_ten_calls_of_which_one_died_are_one_task(simulation: Simulation, point: KillPoint) -> None:
    """At each of its calls to AWS."""
    repeat_blindly(simulation, point)
    assert_made_once(simulation)

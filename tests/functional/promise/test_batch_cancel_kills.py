"""A CANCEL beside a batch, with every function of it killed anywhere: no line escapes, and none is made twice."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from tests.support.promise.batches import (
    CONCURRENCY,
    HOUR,
    QUIET,
    a_line,
    begin,
    cancel,
    jobs_by_state,
    one_at_a_time,
    receipt,
)
from tests.support.promise.recorded import OF_A_BATCH, OF_A_CANCEL
from tests.testbed.aws.kill_points import before, points_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.promise import Simulation
    from tests.testbed.aws.kill_points import KillPoint

pytestmark = pytest.mark.promise("P1", "P2", "P3")

# Between two writes of the step: reads change nothing.
WRITES = [kill for kill in points_of(OF_A_CANCEL["cancel"]) if kill.call not in ("GetItem", "GetObject", "Query")]


LINES = [a_line(seed=number) for number in range(CONCURRENCY + 1)]


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Yield an empty simulation in which one job runs and others wait."""
    with one_at_a_time() as made:
        yield made


@pytest.mark.parametrize("kill", WRITES, ids=str)
def test_a_cancel_that_dies_anywhere(simulation: Simulation, kill: KillPoint) -> None:
    """The step is run again, and no line escapes."""
    begin(simulation, LINES)
    simulation.kills["Batch"] = [kill]
    cancel(simulation)
    simulation.run_for(HOUR)
    assert [] == simulation.kills["Batch"]
    # It sends the word of a job's end that was lost.
    simulation.sweep()
    simulation.run_for(60)
    assert {"succeeded": 1, "cancelled": CONCURRENCY - 1} == jobs_by_state(simulation)
    assert 1 == len(simulation.tasks())
    assert "cancelled" == receipt(simulation)["state"]
    assert (0, 0) == (receipt(simulation)["jobs"]["open"], receipt(simulation)["jobs"]["waiting"])


@pytest.mark.parametrize("kill", points_of(OF_A_CANCEL["Drops"]), ids=str)
def test_an_event_of_a_cancel_that_dies_anywhere(simulation: Simulation, kill: KillPoint) -> None:
    """The queue brings it again."""
    begin(simulation, LINES)
    simulation.kills["Drops"] = [kill]
    cancel(simulation)
    simulation.run_for(HOUR)
    assert [] == simulation.kills["Drops"]
    assert {"succeeded": 1, "cancelled": CONCURRENCY - 1} == jobs_by_state(simulation)


@pytest.mark.parametrize("kill", points_of(OF_A_BATCH["read"]), ids=str)
def test_a_file_that_is_cancelled_while_it_is_read(simulation: Simulation, kill: KillPoint) -> None:
    """The run that read it has died, and the next one comes after the CANCEL: no line starts."""
    simulation.kills["Batch"] = [kill]
    simulation.drop("drop/spring/batch.jsonl", LINES[0].encode())
    simulation.run_for(QUIET)
    cancel(simulation)
    simulation.run_for(HOUR)
    assert [] == simulation.kills["Batch"]
    assert [] == simulation.jobs()
    assert "cancelled" == receipt(simulation)["state"]


@pytest.mark.parametrize("kill", [before("TransactWriteItems"), *points_of(OF_A_BATCH["submit_line"])[6:]], ids=str)
def test_a_line_that_is_cancelled_while_it_starts(simulation: Simulation, kill: KillPoint) -> None:
    """Before its job is recorded it gets none; after that, its job is cancelled."""
    with patch.dict("os.environ", MAX_IN_FLIGHT="0"):
        simulation.kills["Batch"] = [None, kill]
        simulation.drop("drop/spring/batch.jsonl", LINES[0].encode())
        simulation.run_for(QUIET)
        cancel(simulation)
        simulation.run_for(HOUR)
    assert [] == simulation.kills["Batch"]
    assert [] == simulation.tasks()
    assert {"cancelled"} >= set(jobs_by_state(simulation))
    shown = receipt(simulation)
    assert "cancelled" == shown["state"]
    assert 1 == shown["jobs"]["cancelled"] + shown["jobs"]["not_started"]
    assert 0 == shown["jobs"]["open"]

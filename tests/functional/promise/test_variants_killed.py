"""A group of a drop or line is made once and ends with its receipts, whichever call of a function is its last."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import pytest

from tests.support.pictures import picture
from tests.support.promise import fresh
from tests.support.promise.batches import a_line, quick, receipt, rows, work_off
from tests.support.promise.money import HOUR, PRICE, sweep_for
from tests.support.promise.variants import change, drop, files, of_each, shown, states
from tests.testbed.aws.kill_points import points_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.promise import Simulation
    from tests.testbed.aws.kill_points import KillPoint

pytestmark = pytest.mark.promise("P1", "P2")

# The calls of the door at a folder for two that lists its pictures, and of the step at a line for two.
OF_A_PAIR = (
    *("ListObjectsV2", "PutItem", "GetObject", "GetObject"),
    # Whether other drops have their results there; whether the group exists; which job the drop has; which lanes exist.
    *("GetItem", "GetItem", "GetItem", "GetItem", "GetItem", "GetItem", "GetItem", "GetItem"),
    "TransactWriteItems",
    *("PutObject", "GetItem", "GetItem", "StartExecution", "PutObject", "GetItem", "GetItem", "StartExecution"),
    *("GetItem", "GetItem", "GetItem", "PutObject", "GetItem", "GetItem", "GetItem"),
)
OF_A_LINE_FOR_TWO = (
    # Whether its batch is the newest; whether it was cancelled.
    *("GetItem", "GetItem"),
    *("GetObject", "GetItem", "GetItem", "GetItem", "GetItem", "TransactWriteItems", "GetItem"),
    "TransactWriteItems",
    *("PutObject", "GetItem", "GetItem", "StartExecution", "PutObject", "GetItem", "GetItem", "StartExecution"),
    *("GetItem", "GetItem", "GetItem", "PutObject", "GetItem", "GetItem", "GetItem"),
    *("GetItem", "GetItem", "GetItem", "GetItem", "PutItem", "GetItem", "GetItem"),
)
OF_ITS_END = (
    *("GetItem", "GetItem", "TransactWriteItems", "GetItem", "TransactWriteItems", "UpdateItem", "GetObject", "Query"),
    *("GetItem", "GetItem", "PutObject"),
)


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """Yield an empty simulation; frames are others' matter."""
    with quick() as made:
        yield made


def test_the_calls_are_those_of_a_plain_run(simulation: Simulation) -> None:
    """Where nobody dies."""
    drop(simulation)
    simulation.run_for(HOUR)
    assert [*OF_A_PAIR] == simulation.made["Drops"][0]
    work_off(simulation, [a_line(n=2)])
    assert [[*OF_A_LINE_FOR_TWO], [*OF_ITS_END]] == simulation.made["Batch"][1:3]


@pytest.fixture(scope="module")
def plain() -> dict[str, list[str]]:
    """Give the longest run of each function that works for one of two; a video is read as often as it takes."""
    with fresh() as simulation:
        drop(simulation)
        simulation.run_for(HOUR)
        longest = {name: max(runs, key=len) for name, runs in simulation.made.items()}
    return {**longest, "Thumbnail": [name for name, _ in groupby(longest["Thumbnail"])]}


@pytest.mark.parametrize("function", ["TakeSlot", "StartTask", "Status", "SaveResult", "Thumbnail", "Finish"])
def test_a_step_that_dies_leaves_no_receipt_behind(plain: dict[str, list[str]], function: str) -> None:
    """The receipt of the whole says at the end what the jobs are, and the sheet shows both."""
    calls = plain[function]
    for kill in points_of(calls)[calls.index("PutObject") if "PutObject" in calls else 0 :]:
        with fresh() as simulation:
            simulation.kills[function] = [kill]
            drop(simulation)
            sweep_for(simulation, 900)
            assert ["succeeded"] * 2 == states(simulation.jobs()), kill
            assert 2 == len(simulation.tasks()), kill
            assert ["succeeded", 2] == [shown(simulation)["state"], shown(simulation)["ready"]], kill
            assert "contact.jpg" in files(simulation), kill
            assert not [one for one in simulation.records("JOB") if one.get("is_open")], kill
            # A run of one process reads more than the first run of another.
            simulation.kills.clear()


@pytest.mark.parametrize("kill", points_of(OF_A_PAIR), ids=str)
def test_a_door_that_dies_makes_two(simulation: Simulation, kill: KillPoint) -> None:
    """Whichever of its calls was its last, and however often and in which order its messages come."""
    simulation.kills["Drops"] = [kill]
    simulation.drop("drop/ad/1.jpg", picture(), times=2)
    change(simulation)
    sweep_for(simulation, 1800)
    change(simulation)
    sweep_for(simulation, 600)
    assert [] == simulation.kills["Drops"]
    assert ["succeeded"] * 2 == states(simulation.jobs())
    assert 2 == len(simulation.tasks())
    assert ["succeeded", 2] == [shown(simulation)["state"], shown(simulation)["ready"]]
    assert {"status.json", *of_each(1, 2)} == files(simulation)


@pytest.mark.parametrize(
    ("kills", "step"), [(points_of(OF_A_LINE_FOR_TWO), 1), (points_of(OF_ITS_END), 2)], ids=["submit", "end"]
)
def test_a_step_of_a_line_for_two_that_dies_makes_two(
    simulation: Simulation, kills: list[KillPoint], step: int
) -> None:
    """Both are in the table and in the counts, once."""
    for number, kill in enumerate(kills):
        simulation.kills["Batch"] = [*[None] * step, kill]
        work_off(simulation, [a_line(n=2, seed=10 * number)])
        assert [] == simulation.kills["Batch"], kill
        assert [("1", "succeeded", "0.42")] * 2 == [
            (row["line"], row["state"], row["cost"]) for row in rows(simulation)
        ]
        told = receipt(simulation)
        assert {"waiting": 0, "open": 0, "succeeded": 2, "failed": 0, "cancelled": 0} == told["jobs"], kill
        assert [1, 1, 0] == [told[name] for name in ("lines", "good", "repeated")]
        assert told["estimated_cost"] == told["cost"] == pytest.approx(2 * PRICE)
    assert 2 * len(kills) == len(simulation.jobs()) == len(simulation.tasks())

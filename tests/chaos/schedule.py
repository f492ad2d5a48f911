"""The faults of each job, drawn from a seed."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from tests.e2e import matrix
from tests.e2e.matrix import Cell
from tests.testbed.aws.kill_points import points_of

if TYPE_CHECKING:
    from tests.testbed.aws.kill_points import KillPoint

SECONDS_BETWEEN_JOBS = 2.0
CHANCES = {"submit": 0.25, "query": 0.25, "download": 0.2}
TASK_FAULTS: list[dict[str, Any]] = [
    {"on": "task", "kind": kind} for kind in ("fail", "fail_without_detail", "succeed_without_url")
]
CHANCE_OF_A_TASK_FAULT = 0.04
CHANCE_OF_A_KILL = 0.15


def schedule(jobs: int, seed: int) -> list[Cell]:
    """Draw the jobs and their faults: the same for the same seed."""
    rng = Random(seed)
    return [_cell(rng, number) for number in range(jobs)]


def submit_faults(cells: list[Cell]) -> list[dict[str, Any] | None]:
    """Return the fault of the first submit of each job, or None."""
    return [next((fault for fault in cell.faults if fault["on"] == "submit"), None) for cell in cells]


def _cell(rng: Random, number: int) -> Cell:
    client = rng.choice(matrix.CLIENTS)
    faults = [
        rng.choice([fault for fault in matrix.FAULTS if fault["on"] == on])
        for on, chance in CHANCES.items()
        if rng.random() < chance
    ]
    if rng.random() < CHANCE_OF_A_TASK_FAULT:
        faults.append(rng.choice(TASK_FAULTS))
    # If the door dies and its client does not retry, there is no job, which is correct.
    is_killed = rng.random() < CHANCE_OF_A_KILL and client != "https"
    kills = (_kill(rng, client),) if is_killed else ()
    return Cell(f"job {number}", client, tuple(faults), kills, starts_after=number * SECONDS_BETWEEN_JOBS)


def _kill(rng: Random, client: str) -> tuple[str, KillPoint]:
    steps = [name for name in matrix.CALLS if name not in (*matrix.DOORS, matrix.RECONCILE)]
    function = rng.choice(steps if client.startswith("s3") else matrix.DOORS)
    return function, rng.choice(points_of(matrix.CALLS[function]))

"""Drops for several videos in simulated time, and their receipts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.pictures import picture

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.support.promise.simulation import Simulation

# By then a task of 20 seconds has ended, and its last receipts are written.
END = 600


def drop(simulation: Simulation, n: int = 2, folder: str = "ad", **fields: Any) -> None:  # noqa: ANN401 - of job.json
    """Drop a folder for several videos, which starts at once."""
    simulation.drop(f"drop/{folder}/1.jpg", picture())
    change(simulation, n, folder, **fields)


def change(simulation: Simulation, n: int = 2, folder: str = "ad", **fields: Any) -> None:  # noqa: ANN401 - as above
    """Upload the settings of a folder."""
    settings = {"prompt": "[Image 1] waves.", "images": ["1.jpg"], "duration": 3, "n": n, **fields}
    simulation.drop(f"drop/{folder}/job.json", json.dumps(settings).encode())


def shown(simulation: Simulation, prefix: str = "ad") -> dict[str, Any]:
    """Read the status.json at a prefix."""
    return simulation.receipt(f"{prefix}/status.json")


def files(simulation: Simulation, prefix: str = "ad") -> set[str]:
    """Name the results below a prefix."""
    return {key.removeprefix(f"{prefix}/") for key in simulation.results_there() if key.startswith(f"{prefix}/")}


def of_each(*places: int | str) -> set[str]:
    """Name the files of finished videos in these folders."""
    return {f"{place}/{name}" for place in places for name in ("status.json", "video.json", "video.mp4")}


def states(found: list[Job]) -> list[str]:
    """Return the states of jobs, sorted."""
    return sorted(job.state.value for job in found)

"""What more lanes must do: as many times the throughput, at the same cost per job."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.load.figures import Figures

# A lane with fewer jobs mostly fills and empties.
JOBS_PER_LANE = 100
TOLERANCE = 0.1


def of_one_lane(run: Figures, runs: Sequence[Figures]) -> Figures | None:
    """Return the run with as many jobs and one lane."""
    return next((one for one in runs if one.lanes == 1 and one.new_jobs == run.new_jobs), None)


def share(run: Figures, runs: Sequence[Figures]) -> float | None:
    """Return the throughput of a run, as a share of that of one lane times its lanes."""
    alone = of_one_lane(run, runs)
    return run.throughput / (alone.throughput * run.lanes) if alone and alone.throughput else None


def promises(runs: Sequence[Figures]) -> dict[str, bool]:
    """Return for each promise about several lanes whether it was kept; small runs are left out."""
    kept: dict[str, bool] = {}
    for run in runs:
        alone, found = of_one_lane(run, runs), share(run, runs)
        if alone is None or found is None or run.lanes == 1 or run.new_jobs < JOBS_PER_LANE * run.lanes:
            continue
        name = f"N = {run.new_jobs - 1}, {run.lanes} lanes"
        kept[f"{name}: throughput in proportion"] = abs(found - 1) <= TOLERANCE
        kept[f"{name}: transitions per job flat"] = _is_flat(_transitions(run), _transitions(alone))
        kept[f"{name}: cost per job flat"] = _is_flat(run.a_job(run.usage.dollars), alone.a_job(alone.usage.dollars))
    return kept


def _transitions(run: Figures) -> float:
    return run.a_job(sum(run.usage.transitions.values()))


def _is_flat(used: float, alone: float) -> bool:
    return used <= alone * (1 + TOLERANCE)

"""Writes the tables and the plots of several lanes in ``docs/load.md``, from the runs of ``make load``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.docs.charts import Panel, draw_panels
from tests.docs.markdown import renew, table
from tests.load import display, scaling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.load.figures import Figures

PAGE = Path(__file__).parents[2] / "docs" / "load.md"
IMAGES = PAGE.parent / "images"
TITLE = "Several lanes behind one queue"


def write(runs: Sequence[Figures], *, is_testbed: bool) -> None:
    """Write the table of these runs, and draw their plot."""
    name = "lanes-testbed" if is_testbed else "lanes-in-process"
    PAGE.write_text(renew(PAGE.read_text(encoding="utf-8"), {name: lambda: lanes(runs)}), encoding="utf-8")
    picture(runs, IMAGES / f"load-{name}.png")


def lanes(runs: Sequence[Figures]) -> str:
    """Return the table of runs, which have one lane and several."""
    compared = zip(*(rows(run, runs) for run in runs), strict=True)
    return table(("", *map(display.name, runs)), [(row[0][0], *(value for _, value in row)) for row in compared])


def rows(run: Figures, runs: Sequence[Figures]) -> list[tuple[str, str]]:
    """Return the rows of a run: name and value."""
    used, per_job, share = run.usage, run.a_job, scaling.share(run, runs)
    return [
        ("ended", ", ".join(f"{count:,} {state}" for state, count in run.states.items())),
        ("stuck, lost, left over", f"{run.stuck}, {run.lost}, {run.left_over}"),
        ("duplicate jobs or tasks", str(run.duplicates)),
        ("**ends per hour while jobs wait**", f"**{run.throughput:,.0f}**"),
        ("of those of one lane, times the lanes", f"{share:.0%}" if share else ""),
        ("maximum tasks in each lane", ", ".join(map(str, run.most_in_flight.values()))),
        ("maximum submits, status queries per second and lane", f"{run.most_submits}, {run.most_queries}"),
        ("refused for limits (429)", str(run.refused)),
        ("tasks that ended before the late job started", str(run.overtaken)),
        ("state transitions per job", f"{per_job(sum(used.transitions.values())):.1f}"),
        ("function runs per job", f"{per_job(sum(used.runs.values())):.1f}"),
        ("table write units per job", f"{per_job(used.writes):.0f}"),
        ("table read units per job, of these `SLOTS`", f"{per_job(used.reads):.0f}, {per_job(used.slot_reads):.0f}"),
        ("**USD per job**", f"**{per_job(used.dollars):.5f}**"),
        ("simulated, real time", f"{run.simulated / 60:.0f} min, {run.real / 60:.1f} min"),
    ]


def picture(runs: Sequence[Figures], file: Path) -> None:
    """Draw what grows with the lanes, and what must not."""
    sizes = [str(run.lanes) for run in runs]
    figures = (
        ("Throughput", [run.throughput for run in runs], "per hour"),
        ("Maximum tasks in a lane", [max(run.most_in_flight.values()) for run in runs], ""),
        ("Cost of 1,000 jobs at AWS", [1000 * run.a_job(run.usage.dollars) for run in runs], "USD"),
    )
    panels = [Panel(title, "lanes", sizes, found, unit) for title, found, unit in figures]
    draw_panels(TITLE, f"{runs[0].new_jobs - 1:,} jobs at once; no duplicate, none lost.", panels, file)

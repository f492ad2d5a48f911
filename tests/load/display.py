"""Show the progress of a run, and the table of all runs: live in a terminal, as plain lines elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.table import Table

from tests.load import scaling

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from tests.load import in_process, on_testbed
    from tests.load.figures import Figures

    Run = in_process.Run | on_testbed.Run

EVERY_S, EVERY_PLAIN_S = 3.0, 15.0


@contextmanager
def showing(run: Run, console: Console) -> Iterator[None]:
    """Show the progress of a run every few seconds only: measuring it takes time."""
    began, every = run.fake.clock.now(), EVERY_S if console.is_terminal else EVERY_PLAIN_S
    shown = [time.monotonic()]
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def glance(run: Run) -> None:
            if time.monotonic() - shown[0] < every:
                return
            shown[0] = time.monotonic()
            if console.is_terminal:
                live.update(picture(run, began), refresh=True)
            else:
                console.print("  ".join(f"{count} {where}" for where, count in position(run, began).items()))

        run.on_glance = glance
        yield


def position(run: Run, began: float) -> dict[str, int]:
    """Return the number of jobs in each place."""
    tasks = run.fake.tasks()
    ended = sum(bool(task.ended) for task in tasks)
    return {
        "s": round(run.fake.clock.now() - began),
        "in the queue": run.open("waiting"),
        "otherwise open": run.open("yes"),
        "at DashScope": len(tasks) - ended,
        "finished": ended,
        "refused for limits": run.fake.refused(),
    }


def picture(run: Run, began: float) -> Table:
    """Draw the number of jobs in each place."""
    drawn = Table(show_header=False)
    for where, count in position(run, began).items():
        drawn.add_row(where, str(count))
    return drawn


def comparison(runs: Sequence[Figures]) -> Table:
    """Compare the figures of several runs."""
    drawn = Table("", *map(name, runs), title="Results")
    for row in zip(*(rows(figures, runs) for figures in runs), strict=True):
        drawn.add_row(row[0][0], *(value for _, value in row))
    return drawn


def name(run: Figures) -> str:
    """Name a run by its size."""
    return f"N = {run.new_jobs - 1}" + (f", {run.lanes} lanes" if run.lanes > 1 else "")


def rows(figures: Figures, runs: Sequence[Figures] = ()) -> list[tuple[str, str]]:
    """Return the rows of one run's table; it is compared with the one of ``runs`` that has one lane."""
    most, share = figures.most_in_flight.values(), scaling.share(figures, runs)
    used, limits, a_job = figures.usage, figures.limits, figures.a_job
    return [
        ("jobs", str(sum(figures.states.values()))),
        ("ended", ", ".join(f"{count} {state}" for state, count in figures.states.items())),
        ("stuck, lost, left over", f"{figures.stuck}, {figures.lost}, {figures.left_over}"),
        ("creates sent twice", str(figures.repeated)),
        ("duplicate jobs or tasks", str(figures.duplicates)),
        ("most tasks at once, in each lane", ", ".join(map(str, most))),
        ("ends per hour while jobs wait", f"{figures.throughput:.0f}"),
        ("of one lane's, times the lanes", f"{share:.0%}" if share else ""),
        (f"most submits per second (limit {limits.submits:g})", str(figures.most_submits)),
        (f"most queries per second (limit {limits.queries:g})", str(figures.most_queries)),
        ("refused for limits (429)", str(figures.refused)),
        ("ends until the late job started", str(figures.overtaken)),
        ("transitions per job", f"{a_job(sum(used.transitions.values())):.1f}"),
        ("queries per task", f"{a_job(figures.queries):.1f}"),
        ("function runs per job", f"{a_job(sum(used.runs.values())):.1f}"),
        ("failed function runs per job", f"{a_job(sum(used.errors.values())):.2f}"),
        ("seconds of functions per job (assumed)", f"{a_job(sum(used.seconds.values())):.1f}"),
        ("GB-seconds per job (assumed)", f"{a_job(used.gb_seconds):.1f}"),
        ("write, read units per job", f"{a_job(used.writes):.0f}, {a_job(used.reads):.0f}"),
        ("read units of SLOTS per job", f"{a_job(used.slot_reads):.1f}"),
        ("S3 writes, reads per job", f"{a_job(used.s3_writes):.1f}, {a_job(used.s3_reads):.1f}"),
        ("USD per job", f"{a_job(used.dollars):.5f}"),
        ("simulated time", f"{figures.simulated / 60:.0f} min"),
        ("real time", f"{figures.real / 60:.1f} min"),
    ]


def details(figures: Figures) -> Table:
    """Draw function runs, failures and entered states by name, per job."""
    drawn = Table("what", "per job", title=name(figures))
    for kind, counted in (
        ("run", figures.usage.runs),
        ("failed", figures.usage.errors),
        ("state", figures.usage.transitions),
    ):
        for what, count in sorted(counted.items()):
            drawn.add_row(f"{kind} {what}", f"{figures.a_job(count):.2f}")
    return drawn

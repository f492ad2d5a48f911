"""Writes ``docs/polling.md`` and its chart from the measurements of ``tests.bench.polling``: ``make bench-polling``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tests.bench import polling as bench
from tests.docs import polling_picture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.polling import Figures, Noticed

PAGE = Path(__file__).parents[2] / "docs" / "polling.md"
JUST_SHIFTED = 50
TEXT = """\
# When DashScope is polled

Text, figures and chart are written by `make bench-polling`.
DashScope does not report when a task has ended (except through an optional event bus), so Gallop polls.
DashScope advises to poll every 15 seconds.
Each poll costs three state transitions and a run of a function, about $0.00008.
It also counts towards the limit of 20 polls per second per account.

## How the interval is chosen

**Learning.** When a task has succeeded, the time from its `scheduled_time` to its `end_time` is added to a histogram.
There is one histogram per model, resolution and length, in one item of the table (`DURATIONS`).
It has 100 bins, each 8 %% wider than the one before.
Before each new task the others lose 2 %% of their weight, so the histogram follows a vendor whose speed changes.
It starts with the published samples, which count as five tasks.
If two functions update it at the same time, one of the updates counts.
No error here can fail a job; without the item, the published samples apply.

**The goal** is the minimum of expected delay plus price per poll.
Hardly any task ends before a certain age, so the first poll waits for that.
Polls are closest where most tasks end; in a gap between two clusters of durations there are none.
Beyond all known durations the interval grows with the age, up to two minutes.
The derivation is in [`polling.py`](../shared/gallop/domain/scheduling/polling.py).

**The price** of a poll is set so that a schedule that knows only the mean starts with intervals of 20.5 seconds.
That keeps the number of polls low.
The part of a delay that exceeds 14 seconds counts nine times, which keeps long delays rare.
Both values were found by experiment: the schedule is better than the advised 15 seconds in each figure below.
It is also better for durations with a normal or uniform distribution.

**Limits.** Intervals are whole seconds, at least one.
All tasks in flight (up to `MaxInFlight` for each model) together are polled at most 10 times per second on average.
That is half of an account's limit.
The age of a task starts when DashScope starts it, not while it waits there.

`Retry-After`, `openai-poll-after-ms` and `progress` come from the same histogram.

## Results

Each schedule learns from %(before)d tasks, then %(measured)d are measured, five at a time.
All schedules get the same durations: log-normal, with the given mean and standard deviation and a fixed seed.
The last two mixes change half-way.
*Delay* is the time from the end of a task to the poll that finds it ended, in seconds; *polls* are per task.
"From the seed" never learns.

![Delay against polls for each schedule and mix](images/polling.png)

%(tables)s
**After a shift.** These are the %(just)d tasks right after the change of the last two mixes, still to be learned:

%(shifts)s
"""
ROW = "| {} | {} | {:.1f} | {:.1f} | {:.1f} |"
HEAD = "| mix | schedule | mean delay | p95 delay | polls |\n|---|---|--:|--:|--:|"


def write() -> None:
    """Run the benchmark, and write the page and its chart."""
    console, measured = Console(), {}
    for mix in bench.MIXES:
        measured[mix.name] = bench.results(mix)
        console.print(rows(mix.name, measured[mix.name]))
    PAGE.write_text(page(measured), encoding="utf-8")
    polling_picture.draw({name: summed(runs) for name, runs in measured.items()})


def page(measured: Mapping[str, Mapping[str, Sequence[Noticed]]]) -> str:
    """Return the whole page."""
    tables = "\n".join([HEAD, *(rows(name, runs) for name, runs in measured.items()), ""])
    shifts = "\n".join([HEAD, *(_just_shifted(mix.name, measured[mix.name]) for mix in bench.MIXES if mix.shifts)])
    return TEXT % {
        "before": bench.BEFORE,
        "measured": bench.MEASURED,
        "tables": tables,
        "just": JUST_SHIFTED,
        "shifts": shifts,
    }


def rows(name: str, runs: Mapping[str, Sequence[Noticed]]) -> str:
    """Return the table's lines for a mix."""
    return "\n".join(_row(name, schedule, figures) for schedule, figures in summed(runs).items())


def summed(runs: Mapping[str, Sequence[Noticed]]) -> dict[str, Figures]:
    """Return the figures of each schedule's run."""
    return {schedule: bench.figures(noticed) for schedule, noticed in runs.items()}


def _just_shifted(name: str, runs: Mapping[str, Sequence[Noticed]]) -> str:
    first = (bench.BEFORE + bench.MEASURED) // 2 - bench.BEFORE
    part = {schedule: runs[schedule][first : first + JUST_SHIFTED] for schedule in (bench.ADVICE, bench.LEARNED)}
    return rows(name, part)


def _row(name: str, schedule: str, figures: Figures) -> str:
    shown = f"**{schedule}**" if schedule == bench.LEARNED else schedule
    return ROW.format(name, shown, figures.mean, figures.p95, figures.questions)


if __name__ == "__main__":
    write()

"""Writes ``docs/polling.md`` and its picture from what ``tests.bench.polling`` measures: ``make bench-polling``."""

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
# When DashScope is asked

`make bench-polling` writes this page: text, figures and picture.
DashScope does not report that a task has ended, except through an optional event bus \
([pushed-completion.md](pushed-completion.md)), so Gallop has to ask.
DashScope's advice is every 15 seconds.
Each status query costs three state transitions and one function run, about $0.00008, and one of the 20 queries per \
second that an account may make.

## How it is decided

**What is learned.**
When a task has succeeded, the time from its `scheduled_time` to its `end_time` is added to a histogram of its model, \
resolution and length: 100 bins, each 8 %% wider than the previous one, in one item of the table (`DURATIONS`).
Before each new task the others lose 2 %% of their weight, so the histogram follows a vendor that becomes faster or \
slower.
It starts with published samples, which count as five tasks.
If two functions add a task at the same time, one of them counts.
None of this can fail a job; without the item, the published samples are used.

**What is minimised** is the expected delay plus a price per query.
Few tasks end before a certain age: the first query waits for that.
Queries are closest where most tasks end; between two peaks there are none.
Beyond every known duration the waits grow with the age, up to two minutes.
The derivation is in [`polling.py`](../shared/gallop/domain/scheduling/polling.py).

**The price** of a query makes a schedule that knows only the mean start with waits of 20.5 seconds, which keeps \
queries few.
A delay above 14 seconds counts nine times, which keeps the tail short.
Both figures were found by trial, so that the rule is better than the advice of 15 seconds on each figure below, and \
also for normally and evenly distributed durations.

**Limits.**
Waits are whole seconds, at least one.
The maximum number of tasks in flight (`MaxInFlight` per model) together ask at most 10 times per second on average, \
half of what an account may.
A task that waits at DashScope does not age.

`Retry-After`, `openai-poll-after-ms` and `progress` come from the same histogram.

## Results

Each schedule learns from %(before)d tasks, and is then measured on %(measured)d, five at a time, with the same \
durations for every schedule.
The durations are log-normal, with the given mean and standard deviation and a fixed seed.
The last two mixes change half way.
*Delay* is the time in seconds from the end of a task to the query that finds it; *questions* is the number of \
queries per task.
"From the seed" never learns.

![Delay and queries for each schedule and mix](images/polling.png)

%(tables)s
**After a change.** The %(just)d tasks directly after the change in the last two mixes, before the histogram has \
adapted:

%(shifts)s
"""
ROW = "| {} | {} | {:.1f} | {:.1f} | {:.1f} |"
HEAD = "| mix | schedule | mean delay | p95 delay | questions |\n|---|---|--:|--:|--:|"


def write() -> None:
    """Run the bench, and write the page and its picture."""
    console, measured = Console(), {}
    for mix in bench.MIXES:
        measured[mix.name] = bench.results(mix)
        console.print(rows(mix.name, measured[mix.name]))
    PAGE.write_text(page(measured), encoding="utf-8")
    polling_picture.draw({name: summed(runs) for name, runs in measured.items()})


def page(measured: Mapping[str, Mapping[str, Sequence[Noticed]]]) -> str:
    """Give the whole page."""
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
    """Give a mix's lines of the table."""
    return "\n".join(_row(name, schedule, figures) for schedule, figures in summed(runs).items())


def summed(runs: Mapping[str, Sequence[Noticed]]) -> dict[str, Figures]:
    """Sum up each schedule's run."""
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

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

Written by `make bench-polling`, text, figures and picture. DashScope tells nobody that a task has ended (but for an
optional event bus of its own), so somebody has to ask. Its advice is every 15 seconds. Each question costs three state
transitions and a run of a function, some $0.00008, and one of the 20 questions a second that an account may ask.

## How it is decided

**What is learned.** When a task has succeeded, the time from its `scheduled_time` to its `end_time` is counted in a
sketch of its model, resolution and length: 100 bins, each 8 %% wider than the one before, in one item of the table
(`DURATIONS`). Before each new task the others lose 2 %% of their weight, so a vendor who gets faster or slower is
followed. It begins with what was published, worth five tasks. Two functions that count at the same time: one of them
counts. Nothing here can fail a job; without the item, the published samples decide.

**What is wanted** is the least expected delay plus price per question. Few tasks end before a certain age: the first
question waits for that. Where most of them end, questions come closest; between two heaps of times nothing is asked.
Beyond all that was ever known the waits grow with the age, up to two minutes. The derivation stands in
[`polling.py`](../shared/gallop/domain/polling.py).

**The price** of a question would make whoever knows nothing but the mean begin with waits of 20.5 seconds, which keeps
questions few; and a delay over 14 seconds counts nine times from there on, which keeps its tail short. Both were found
by trial, so that the rule beats the advice of 15 seconds on each figure below, and on times that are spread normally or
evenly, too.

**Bounds.** Whole seconds; one at least. As many tasks as may be in flight (`MaxInFlight` for each model) together ask
no more than 10 times a second in the mean, half of what an account may. A task that waits at DashScope does not age.

`Retry-After`, `openai-poll-after-ms` and `progress` come from the same sketch.

## What came of it

%(before)d tasks to learn from, then %(measured)d that are measured, five at a time, on the same times for every
schedule; log-normal, by mean and standard deviation, drawn with a fixed seed. The last two mixes change half way.
*Delay* is from the end of a task to the question that finds it ended, in seconds; *questions* are a task's. "From the
seed" never learns.

![Delay against questions for each schedule and mix](images/polling.png)

%(tables)s
**After a shift.** The %(just)d tasks right after the change of the last two mixes, which the sketch has yet to learn:

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
    """Return a mix's lines of the table."""
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

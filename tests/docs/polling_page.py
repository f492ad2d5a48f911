"""Writes ``docs/polling.md`` and its picture from what ``tests.bench.polling`` measures: ``make bench-polling``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gallop.domain.scheduling.run_times import KEPT_TASKS
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
The question is when: each query early costs something, and each second late delays a video.

## How it is decided

**What is known.**
When a task has succeeded, the time from its `scheduled_time` to its `end_time` is added to a list of the last \
%(kept)d run times of its model, resolution and length, in one item of the table (`DURATIONS`).
Before the first task there are three run times, from published samples.
If two functions add a task at the same time, one of them counts.
None of this can fail a job; without the item, the published samples are used.

**The rule**, in [`polling.py`](../shared/gallop/domain/scheduling/polling.py):

- From nine tenths of the time of the fastest of the last %(kept)d tasks on, ask every 6 seconds.
- Ask every 3 seconds once a fifth of them would have ended.
- If a task runs longer than the slowest of them, wait for another twentieth of the time by which it is late, up to \
two minutes.

A task that waits at DashScope does not age.
A single fast task moves the first query of the next ones, so that the rule follows when DashScope becomes faster.

**The limit.**
DashScope answers 20 queries per second and account.
If the maximum number of tasks in flight (`MaxInFlight` for each of the models) needed more than 18, the intervals \
grow; with the defaults, they never do.
The other two are for the query that gets the address of each video.

**What a query costs.**
Long waits are waits of the state machine, which cost nothing while they last, and three state transitions ($0.000075).
Intervals of up to 6 seconds are spent in the function, which asks for up to `MaxWaitSeconds` (25) before it returns: \
at 512 MB, 6 seconds cost $0.000040.
In these seconds the function counts as one of the account's parallel runs: that is one for each task that is about \
to end, and none while it is not.
With [completion events](pushed-completion.md) all waits are the state machine's, because only those can be ended by \
an event.

`Retry-After`, `openai-poll-after-ms` and `progress` come from the same run times.

## Results

Each schedule learns from %(before)d tasks, and is then measured on %(measured)d, five at a time, with the same \
durations for every schedule.
The durations are log-normal, with the given mean and standard deviation and a fixed seed.
The last two mixes change half way.
*Delay* is the time in seconds from the end of a task to the query that finds it; *questions* is the number of \
queries per task.
"Unlearned" knows only the published samples.

![Delay and queries for each schedule and mix](images/polling.png)

%(tables)s
**After a change.** The %(just)d tasks directly after the change in the last two mixes, before the run times are \
forgotten:

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
        "kept": KEPT_TASKS,
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

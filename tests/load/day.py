"""``make simulate-day``: a steady day of 100,000 jobs on 20 lanes, in one process on a manual clock, and its figures.

The jobs arrive at random, ``N`` in ``HOURS``. The accounts make one model, or with ``MODELS=all`` every one. What has
ended is counted and taken out of the table and the buckets within the hour, because a day does not fit into memory. The
exit code is 1 if a promise was broken.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from statistics import mean
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer
from gallop.adapters.table.job_items import job_from
from gallop.domain.job import is_terminal
from moto.s3.models import s3_backends
from rich.console import Console
from rich.table import Table

from tests.load import clients, display, in_process
from tests.load.figures import HOUR, NEVER, figures
from tests.load.soak import pass_minutes
from tests.support.promise.simulation import INBOX, RESULTS
from tests.testbed.aws.account import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gallop.domain.job import Job

    from tests.load.figures import Figures
    from tests.load.meter import Meter
    from tests.support.plain_table import Row

DEFAULTS = {"N": "100000", "LANES": "20", "HOURS": "24", "SEED": "1", "MODELS": "one"}
PLAIN_WIDTH = 120
ARCHIVE_SECONDS = 600
DRAIN_HOURS = 2
# Those of which nothing is read once their job has ended.
OF_ENDED = ("TASK#", "IDEMPOTENCY#", "DROP#", "IMAGE#")
LISTS = ("ALL", "CLIENT#")
SHOWN_PARTITIONS = 12


@dataclass(slots=True)
class Day:
    """A day in progress."""

    run: in_process.Run
    console: Console
    waiting: list[int] = field(default_factory=list)
    """The length of the queue, once per simulated minute; ``running`` has the jobs that are open otherwise."""
    running: list[int] = field(default_factory=list)
    _old: set[str] = field(default_factory=set)

    def send(self, jobs: int, seconds: float, rng: Random) -> list[str]:
        """Send jobs at random times within ``seconds``, and wait until all have ended; return their prompts."""
        clock = self.run.simulation.clock
        began = clock.now()
        times = sorted(began + rng.uniform(0, seconds) for _ in range(jobs))
        sent: list[str] = []
        archived_at = began
        while len(sent) < jobs or self._is_open():
            if clock.now() > began + seconds + DRAIN_HOURS * HOUR:
                break
            while len(sent) < jobs and times[len(sent)] <= clock.now():
                sent.append(clients.prompt(len(sent)))
                self.run.send(rng.choice(clients.CLIENTS), sent[-1])
            self.run.pass_time()
            self._look(began)
            if clock.now() >= archived_at + ARCHIVE_SECONDS:
                archived_at = clock.now()
                self._archive()
        pass_minutes(self.run, 3)
        return sent

    def _is_open(self) -> bool:
        return bool(self.run.open("yes") or self.run.open("waiting"))

    def _look(self, began: float) -> None:
        minute = int((self.run.simulation.clock.now() - began) // 60)
        if minute < len(self.waiting):
            return
        self.waiting.append(self.run.open("waiting"))
        self.running.append(self.run.open("yes"))
        if minute and minute % 60 == 0:
            hour = self.waiting[-60:]
            self.console.print(
                f"hour {minute // 60}: queue {min(hour)} to {max(hour)}, {mean(self.running[-60:]):.0f} running, "
                f"{len(self.run.archive.jobs)} ended, {self.run.fake.refused()} refused for limits"
            )

    def _archive(self) -> None:
        """Take out what has ended, and what was left over by what ended before the last time."""
        run, simulation = self.run, self.run.simulation
        for name, made in simulation.made.items():
            run.archive.runs[in_process.FUNCTIONS.get(name, f"{name}Function")] += len(made)
            run.archive.calls.update(call for calls in made for call in calls)
        simulation.made.clear()
        simulation.emitted.clear()
        executions = simulation.workflow.executions
        over = {name for name, one in executions.items() if one.status != "RUNNING"}
        self._archive_table(over)
        for name in over:
            del executions[name]
        run.archive.notified += len(simulation.workflow.message)
        simulation.workflow.message.clear()
        self._archive_files()

    def _archive_table(self, over: set[str]) -> None:
        partitions, archive = in_process.table().partitions, self.run.archive
        names = [*partitions]
        for name in names:
            kind, _, job_id = name.partition("#")
            if kind == "JOB" and job_id in over and (job := _job(partitions[name])) and is_terminal(job.state):
                archive.jobs.append(job)
                del partitions[name]
            elif (name.startswith(OF_ENDED) and name in self._old) or name.startswith(LISTS):
                del partitions[name]
        self._old = {name for name in names if name.startswith(OF_ENDED)}

    def _archive_files(self) -> None:
        clock = self.run.simulation.clock
        for name in (INBOX, RESULTS):
            keys = s3_backends[ACCOUNT]["aws"].buckets[name].keys
            old = [key for key, one in keys.items() if one.last_modified.timestamp() < clock.now() - HOUR]
            for key in old:
                keys.pop(key)


def _job(rows: Mapping[str, Row]) -> Job | None:
    if "JOB" not in rows:
        return None
    read, item = TypeDeserializer().deserialize, dict[str, Any](rows["JOB"].item)
    return job_from({name: read(value) for name, value in item.items()})


def main() -> int:
    """Simulate the day; return the exit code."""
    logging.disable(logging.CRITICAL)
    options = {name: os.environ.get(name) or default for name, default in DEFAULTS.items()}
    jobs, lanes, seed, hours = *(int(options[name]) for name in ("N", "LANES", "SEED")), float(options["HOURS"])
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    model = clients.MODEL if options["MODELS"] == "one" else ""
    console.print(f"{jobs} jobs in {hours:g} simulated hours on {lanes} lanes; seed {seed}; models: {model or 'all'}")
    with in_process.started(0, seed, lanes, model) as run:
        day = Day(run, console)
        made = figures(run.evidence(day.send(jobs, hours * HOUR, Random(seed)), late_at=NEVER))
    console.print(table(made, day, hours))
    console.print(partitions(run.meter, made))
    broken = [promise for promise, holds in made.promises().items() if not holds]
    for promise in broken:
        console.print(f"broken promise: {promise}", style="bold red")
    return 1 if broken else 0


def table(made: Figures, day: Day, hours: float) -> Table:
    """Draw the results."""
    drawn = Table(show_header=False)
    inside = slice(0, round(60 * hours))
    waiting = day.waiting[inside] or [0]
    waits = sorted((job.slot_since or job.created_at) - job.created_at for job in day.run.archive.jobs) or [0.0]
    most = max(made.most_in_flight.values())
    for row in (
        ("jobs waiting: mean, most", f"{mean(waiting):.1f}, {max(waiting)}"),
        ("seconds in the queue: p50, p95, most", ", ".join(f"{_quantile(waits, at):.0f}" for at in (0.5, 0.95, 1))),
        ("most tasks in a lane", str(most)),
        ("tasks per lane: least, most", ", ".join(map(str, _ends(made, day)))),
        *(row for row in display.rows(made) if "late" not in row[0] and "lane" not in row[0]),
    ):
        drawn.add_row(*row)
    return drawn


def _quantile(values: Sequence[float], at: float) -> float:
    return values[min(len(values) - 1, int(at * len(values)))]


def _ends(made: Figures, day: Day) -> tuple[int, int]:
    counted = Counter(task.account.name for task in day.run.fake.tasks())
    return min(counted[name] for name in made.most_in_flight), max(counted.values())


def partitions(meter: Meter, made: Figures) -> Table:
    """Draw the hottest partitions of the table: units per job, per second in the fullest minute, and reads."""
    drawn = Table("partition", "writes per job", "per s, fullest minute", "reads per job", "requests", "units each")
    for name, units in sorted(meter.written.items(), key=lambda one: -one[1])[:SHOWN_PARTITIONS]:
        read, asked = meter.read[name], meter.reads_of[name]
        drawn.add_row(
            name,
            f"{made.a_job(units):.2f}",
            f"{max(meter.minutes[name].values()) / 60:.1f}",
            f"{made.a_job(read):.2f}",
            f"{made.a_job(asked):.2f}",
            f"{read / asked:.2f}" if asked else "",
        )
    return drawn


if __name__ == "__main__":
    sys.exit(main())

"""``make soak MINUTES=600 SEED=1``: a steady stream of jobs whose functions are killed at random calls, then a drain.

In one process, on a manual clock: the minutes are simulated. The exit code is 1 if a promise was broken.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from gallop.adapters.table import jobs, slots
from gallop.domain.job import JobState
from moto.dynamodb.models.dynamo_type import DynamoType
from rich.console import Console
from rich.table import Table

from tests.load import clients, display, in_process
from tests.load.figures import MAX_IN_FLIGHT, NEVER, figures
from tests.support.promise.recorded import OF_A_JOB
from tests.testbed.aws.kill_points import points_of

if TYPE_CHECKING:
    from tests.load.figures import Figures
    from tests.support.promise import Simulation

DEFAULTS = {"MINUTES": "120", "SEED": "1", "CHANCE": "0.05"}
# A little less than five tasks at a time can handle.
SECONDS_BETWEEN_JOBS = 13.0
DRAIN_SECONDS = 12 * 3600
# The functions that are killed, each at any call of a run of it.
KILLED = ("TakeSlot", "StartTask", "Status", "SaveResult", "Finish", "Reconcile")
SLOT_CALLS = ("TransactWriteItems", "UpdateItem")
PLAIN_WIDTH = 120


@dataclass(slots=True)
class Watch:
    """Checks the slots and the fake DashScope after every call that may change them."""

    run: in_process.Run
    most_holders: int = 0
    most_tasks: int = 0
    breaches: Counter[str] = field(default_factory=Counter)

    def look(self, call: str) -> None:
        """Record the most slots that were held, and the most tasks that were at DashScope."""
        if call in SLOT_CALLS:
            self.most_holders = max(self.most_holders, _holders())
        elif call == "SubmitTask":
            self.most_tasks = max(self.most_tasks, sum(not task.ended for task in self.run.fake.tasks()))

    def look_after_sweep(self) -> None:
        """Check slots after a complete sweep: each is held by one open job, and none is free while a job waits."""
        for pool in slots.pools():
            held = [jobs.get(job_id) for job_id in pool.holders]
            self.breaches["slot of a job that needs none"] += sum(not _needs_slot(job.state) for job in held)
            is_free = len(pool.holders) < MAX_IN_FLIGHT and bool(slots.queued(pool.lane))
            self.breaches["slot free while a job waits"] += is_free


def _holders() -> int:
    pools = in_process.moto_table().items.get(DynamoType({"S": slots.SLOTS}), {})
    return max((len(pool.attrs["holders"].value) for pool in pools.values()), default=0)


def _needs_slot(state: JobState) -> bool:
    return state in (JobState.QUEUED, JobState.SUBMITTING, JobState.OUTCOME_UNKNOWN, JobState.RUNNING)


def kills(simulation: Simulation, rng: Random, runs: int, chance: float) -> None:
    """Decide at random for each run of a function whether it is killed, and at which call."""
    for function in KILLED:
        points = points_of(OF_A_JOB[function])
        simulation.kills[function] = [rng.choice(points) if rng.random() < chance else None for _ in range(runs)]


def soak(run: in_process.Run, seconds: float, rng: Random) -> list[str]:
    """Send jobs for ``seconds``, and wait until all have ended; return their prompts."""
    clock, sent = run.simulation.clock, list[str]()
    until = next_at = clock.now()
    until += seconds
    while clock.now() < until:
        while next_at <= clock.now():
            sent.append(clients.prompt(len(sent)))
            run.send(rng.choice(clients.CLIENTS), sent[-1])
            next_at += rng.expovariate(1 / SECONDS_BETWEEN_JOBS)
        run.pass_time()
    while clock.now() < until + DRAIN_SECONDS and (run.open("yes") or run.open("waiting")):
        for _ in range(in_process.SWEEP_SECONDS // in_process.STEP_SECONDS):
            run.pass_time()
    return sent


def main() -> int:
    """Run the soak; return the exit code."""
    logging.disable(logging.CRITICAL)
    options = {name: os.environ.get(name) or default for name, default in DEFAULTS.items()}
    seconds, seed, chance = 60 * float(options["MINUTES"]), int(options["SEED"]), float(options["CHANCE"])
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    console.print(f"{seconds / 60:g} simulated minutes, seed {seed}, one run in {1 / chance:g} is killed")
    rng = Random(seed)
    with in_process.started(0, seed) as run, display.showing(run, console):
        watch = Watch(run)
        run.simulation.calls.on_call, run.on_sweep = watch.look, watch.look_after_sweep
        kills(run.simulation, rng, round(60 * seconds / SECONDS_BETWEEN_JOBS), chance)
        sent = soak(run, seconds, rng)
        made = figures(run.evidence(sent, late_at=NEVER))
    console.print(table(made, watch))
    broken = [promise for promise, holds in {**made.promises(), **promises(watch)}.items() if not holds]
    for promise in broken:
        console.print(f"broken promise: {promise}", style="bold red")
    return 1 if broken else 0


def promises(watch: Watch) -> dict[str, bool]:
    """Return for each promise about slots whether it was kept."""
    return {
        f"at most {MAX_IN_FLIGHT} slots are held": watch.most_holders <= MAX_IN_FLIGHT,
        "each slot is held by one open job, and none is free while a job waits": not watch.breaches.total(),
    }


def table(figures: Figures, watch: Watch) -> Table:
    """Draw the results."""
    drawn = Table(show_header=False)
    killed = watch.run.simulation.killed
    for row in (
        ("runs of functions killed", ", ".join(f"{count} {name}" for name, count in sorted(killed.items()))),
        ("most slots held at once", str(watch.most_holders)),
        ("slot violations, after a sweep", str(watch.breaches.total())),
        *(row for row in display.rows(figures) if "late" not in row[0]),
    ):
        drawn.add_row(*row)
    return drawn


if __name__ == "__main__":
    sys.exit(main())

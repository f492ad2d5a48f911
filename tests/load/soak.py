"""``make soak MINUTES=600 SEED=1``: a steady stream of jobs whose functions are killed at random calls, then a drain.

With ``LANES=4``, the accounts also die and come back at random. In one process, on a manual clock: the minutes are
simulated. The exit code is 1 if a promise was broken.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from gallop.adapters.table import jobs, slots
from gallop.domain import lanes
from gallop.domain.job import JobState
from gallop.services import lane_list
from rich.console import Console
from rich.table import Table

from tests.load import clients, display, in_process
from tests.load.figures import MAX_IN_FLIGHT, NEVER, figures
from tests.load.troubles import Troubles
from tests.support.promise.recorded import OF_A_JOB
from tests.testbed.aws.kill_points import points_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.load.figures import Figures
    from tests.support.promise import Simulation

DEFAULTS = {"MINUTES": "120", "SEED": "1", "CHANCE": "0.05", "LANES": "1"}
# A little less than five tasks at a time can handle; and less than several lanes can, of which some are dead.
SECONDS_BETWEEN_JOBS, SECONDS_WITH_TROUBLES = 13.0, 26.0
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
    breaches: Counter[str] = field(default_factory=Counter)

    def look(self, call: str) -> None:
        """Record the most slots of a lane that were held."""
        if call in SLOT_CALLS:
            self.most_holders = max(self.most_holders, _holders())

    def look_after_sweep(self) -> None:
        """Check slots after a complete sweep: each is held by one open job, and none is free while a job waits."""
        pools = {pool.lane: pool for pool in slots.pools()}
        for pool in pools.values():
            held = [jobs.get(job_id) for job_id in pool.holders]
            self.breaches["slot of a job that needs none"] += sum(not _needs_slot(job.state) for job in held)
            is_waited_for = lanes.has_queue(pool.lane) and bool(slots.queued(pool.lane))
            self.breaches["slot free while a job waits"] += is_waited_for and self._has_free(pool.lane, pools)

    def _has_free(self, queue: str, pools: Mapping[str, slots.SlotPool]) -> bool:
        """Return whether a lane takes the jobs of a queue now; one that has failed takes them one by one."""
        placement = lanes.placement_in(queue)
        beside = [pool for name, pool in pools.items() if lanes.share_queue(name, queue)]
        found = {lane.name: lane for pool in beside for lane in lane_list.of(pool)}
        return any(
            len(pools[name].holders) < lane.slots and not pools[name].failures
            for name, lane in found.items()
            if name in pools and placement.allows(lane.account, lane.tags)
        )


def _holders() -> int:
    pools = in_process.table().partitions.get(slots.SLOTS, {})
    return max((len(pool.item["holders"]["M"]) for pool in pools.values()), default=0)


def _needs_slot(state: JobState) -> bool:
    return state in (JobState.QUEUED, JobState.SUBMITTING, JobState.OUTCOME_UNKNOWN, JobState.RUNNING)


def kills(simulation: Simulation, rng: Random, runs: int, chance: float) -> None:
    """Decide at random for each run of a function whether it is killed, and at which call."""
    for function in KILLED:
        points = points_of(OF_A_JOB[function])
        simulation.kills[function] = [rng.choice(points) if rng.random() < chance else None for _ in range(runs)]


def soak(run: in_process.Run, seconds: float, rng: Random, troubles: Troubles | None = None) -> list[str]:
    """Send jobs for ``seconds``, and wait until all have ended; return their prompts."""
    clock, sent = run.simulation.clock, list[str]()
    sending = clients.CLIENTS + ((clients.PLACED_HTTPS, clients.PLACED_S3) if troubles else ())
    until = next_at = clock.now()
    until += seconds
    while clock.now() < until:
        while next_at <= clock.now():
            sent.append(clients.prompt(len(sent)))
            run.send(rng.choice(sending), sent[-1])
            next_at += rng.expovariate(1 / seconds_between(len(run.fake.accounts)))
        if troubles:
            troubles.pass_time()
        run.pass_time()
    if troubles:
        troubles.end()
    while clock.now() < until + DRAIN_SECONDS and (run.open("yes") or run.open("waiting")):
        pass_minutes(run)
    # The last executions end after their jobs.
    pass_minutes(run, 3)
    return sent


def pass_minutes(run: in_process.Run, minutes: int = 1) -> None:
    """Let sweeps pass, one per minute."""
    for _ in range(minutes * in_process.SWEEP_SECONDS // in_process.STEP_SECONDS):
        run.pass_time()


def seconds_between(count: int) -> float:
    """Return the mean seconds between two jobs for a number of lanes."""
    return SECONDS_BETWEEN_JOBS if count == 1 else SECONDS_WITH_TROUBLES / count


@contextmanager
def started(seconds: float, seed: int, chance: float, count: int) -> Iterator[tuple[Watch, Troubles | None, Random]]:
    """Start a run whose functions are killed with a chance, and of whose several lanes some are dead."""
    rng = Random(seed)
    with in_process.started(0, seed, count) as run:
        watch = Watch(run)
        run.simulation.calls.on_call, run.on_sweep = watch.look, watch.look_after_sweep
        kills(run.simulation, rng, round(60 * seconds / seconds_between(count)), chance)
        troubles = Troubles(run.fake, Random(seed)) if count > 1 else None
        if troubles:
            run.fake.in_trouble = troubles.answer
        yield watch, troubles, rng


def main() -> int:
    """Run the soak; return the exit code."""
    logging.disable(logging.CRITICAL)
    options = {name: os.environ.get(name) or default for name, default in DEFAULTS.items()}
    seconds, seed, chance = 60 * float(options["MINUTES"]), int(options["SEED"]), float(options["CHANCE"])
    count = int(options["LANES"])
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    console.print(f"{seconds / 60:g} simulated minutes, {count} lanes, seed {seed}, chance of a kill {chance:g}")
    with started(seconds, seed, chance, count) as (watch, troubles, rng), display.showing(watch.run, console):
        made = figures(watch.run.evidence(soak(watch.run, seconds, rng, troubles), late_at=NEVER))
    console.print(table(made, watch, troubles))
    broken = [promise for promise, holds in {**made.promises(), **promises(watch)}.items() if not holds]
    for promise in broken:
        console.print(f"broken promise: {promise}", style="bold red")
    return 1 if broken else 0


def promises(watch: Watch) -> dict[str, bool]:
    """Return for each promise about slots whether it was kept."""
    return {
        f"at most {MAX_IN_FLIGHT} slots of a lane are held": watch.most_holders <= MAX_IN_FLIGHT,
        "each slot is held by one open job, and none is free while a job waits": not watch.breaches.total(),
    }


def table(figures: Figures, watch: Watch, troubles: Troubles | None) -> Table:
    """Draw the results."""
    drawn = Table(show_header=False)
    killed = watch.run.simulation.killed
    for row in (
        ("runs of functions killed", _counted(killed)),
        *([("troubles of lanes", _counted(troubles.had))] if troubles else []),
        ("most slots of a lane held at once", str(watch.most_holders)),
        ("slot violations, after a sweep", str(watch.breaches.total())),
        *(row for row in display.rows(figures) if "late" not in row[0]),
    ):
        drawn.add_row(*row)
    return drawn


def _counted(found: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(found.items()) if count)


if __name__ == "__main__":
    sys.exit(main())

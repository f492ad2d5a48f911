"""One run in one process, on a manual clock: exact, the same for the same seed, and quick.

Gallop's own code, moto's table and buckets, the fake DashScope with all its limits; the state machine runs step by
step. Functions run one at a time; what concurrent runs do to each other is for the testbed to show.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from unittest.mock import patch

from gallop import clock as product_clock
from gallop.adapters import secrets
from gallop.adapters.table import slots, task_durations
from gallop.services.lane_list import publish
from moto.dynamodb.models import dynamodb_backends

from fake_dashscope import Limits, Switches
from fake_dashscope.clock import ManualClock
from tests.load import accounts, clients
from tests.load.figures import Evidence
from tests.load.meter import Meter
from tests.load.usage import Usage
from tests.load.vendor import WatchedDashScope
from tests.support.calls import Killed
from tests.support.judged_table import items_of
from tests.support.pictures import picture
from tests.support.promise import fresh
from tests.support.promise.side_by_side import SideBySide
from tests.support.promise.simulation import BASE_URL, ENVIRONMENT, HANDLERS, REGION, Simulation
from tests.template.stack import sweep_seconds
from tests.testbed.aws.account import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gallop.domain.job import Job

    from tests.support.plain_table import PlainTable

STEP_SECONDS, SWEEP_SECONDS = 5, sweep_seconds()
BETWEEN_CREATES = 0.05
S3_WRITES = {
    "PutObject",
    "CopyObject",
    "CreateMultipartUpload",
    "UploadPart",
    "CompleteMultipartUpload",
    "ListObjectsV2",
    "ListObjectVersions",
}
S3_READS = {"GetObject", "HeadObject"}
# WhatFor and Announce notify others of each end; this simulation only records the notification.
NOTIFIED = ("WhatFor", "Announce")
# Functions with other names in this simulation.
FUNCTIONS = {"Drops": "SubmitFunction", "Submit": "SubmitFunction"}


@dataclass(slots=True)
class Archive:
    """What has been taken out of a long simulation, which else would not fit into memory."""

    jobs: list[Job] = field(default_factory=list)
    runs: Counter[str] = field(default_factory=Counter)
    """By function; ``calls`` has their calls by name."""
    calls: Counter[str] = field(default_factory=Counter)
    notified: int = 0


@dataclass(slots=True)
class Run:
    """A run in progress."""

    simulation: Simulation
    fake: WatchedDashScope
    meter: Meter
    jobs: int
    on_glance: Callable[[Run], None] = lambda _: None
    on_sweep: Callable[[], None] = lambda: None
    """Called after each complete sweep, before anything else runs."""
    began: float = field(default_factory=time.monotonic)
    began_at: float = 0.0
    next_sweep: float = 0.0
    requests: int = 0
    archive: Archive = field(default_factory=Archive)

    def __post_init__(self) -> None:
        """Start now."""
        self.began_at = self.simulation.clock.now()
        self.next_sweep = self.began_at + SWEEP_SECONDS

    def ended(self) -> int:
        """Count the tasks that have ended."""
        return sum(bool(task.ended) for task in self.fake.tasks())

    def open(self, kind: str) -> int:
        """Count the open jobs of a kind: ``waiting`` in the queue, or ``yes`` for the others."""
        return sum({"S": kind} == row.item.get("is_open") for row in table().rows())

    def send(self, client: str, prompt: str) -> None:
        """Send a create."""
        self.simulation.clock.advance(BETWEEN_CREATES)
        if client in (clients.S3, clients.PLACED_S3):
            for name, content in clients.files(prompt, client).items():
                self.simulation.drop(f"drop/{name}", content)
            return
        self.requests += 1
        self.simulation.post_body(json.dumps(clients.body(prompt, client)), client=client)

    def pass_time(self) -> None:
        """Advance the clock by a step, with the sweep every minute, which may be killed."""
        self.on_glance(self)
        self.simulation.run_for(STEP_SECONDS)
        if self.simulation.clock.now() >= self.next_sweep:
            self.next_sweep += SWEEP_SECONDS
            with suppress(Killed):
                self.simulation.sweep()
                self.on_sweep()
            self.simulation.run_due()

    def make(self) -> Evidence:
        """Send all jobs, the late one when half of the others are done, and wait until all have ended."""
        new_jobs = clients.new_jobs(self.jobs)
        for client, prompt in new_jobs:
            self.send(client, prompt)
        while self.ended() < self.jobs // 2:
            self.pass_time()
        late = clients.prompt(self.jobs)
        self.send(clients.LATE, late)
        late_at = self.simulation.clock.now()
        while self.ended() <= self.jobs:
            self.pass_time()
        self.simulation.run_for(SWEEP_SECONDS)
        return self.evidence([*(prompt for _, prompt in new_jobs), late], late_at)

    def evidence(self, new_jobs: list[str], late_at: float) -> Evidence:
        """Collect the raw results."""
        simulation = self.simulation
        pools = slots.pools()
        left = sum(len(pool.holders) + len(slots.queued(pool.lane)) for pool in pools) + len(
            simulation.records("SLOT_WAITER")
        )
        executing = sum(execution.status == "RUNNING" for execution in simulation.workflow.executions.values())
        return Evidence(
            new_jobs=new_jobs,
            jobs=[*self.archive.jobs, *simulation.jobs()],
            fake=self.fake,
            late_at=late_at,
            left_over=left + executing + len(simulation.queue.dead),
            usage=self._usage(),
            simulated=simulation.clock.now() - self.began_at,
            real=time.monotonic() - self.began,
        )

    def _usage(self) -> Usage:
        runs = self.archive.runs.copy()
        for name, made in self.simulation.made.items():
            runs[FUNCTIONS.get(name, f"{name}Function")] += len(made)
        notified = self.archive.notified + len(self.simulation.workflow.message)
        calls = self.archive.calls + Counter(
            call for made in self.simulation.made.values() for run in made for call in run
        )
        return Usage(
            transitions=self.simulation.workflow.entered + Counter(dict.fromkeys(NOTIFIED, notified)),
            runs=runs + Counter({"AuthorizeFunction": self.requests, "DeliverFunction": notified}),
            errors={},
            writes=self.meter.writes,
            reads=self.meter.reads,
            slot_reads=self.meter.read[slots.SLOTS],
            s3_writes=sum(calls[name] for name in S3_WRITES),
            s3_reads=sum(calls[name] for name in S3_READS),
            waited={f"{name}Function": waited for name, waited in self.simulation.waited.items() if waited},
        )


def table() -> PlainTable:
    """Return the table itself: reading it is not a call, and is quick."""
    return items_of(dynamodb_backends[ACCOUNT][REGION].get_table("jobs"))


@contextmanager
def started(jobs: int, seed: int, lanes: int = 1, model: str = "") -> Iterator[Run]:
    """Create a simulation whose fake DashScope has all its limits. Thumbnails are tested elsewhere."""
    switches = Switches(fetch="all", render_ahead=False, audio=False)
    # The same image for every address, so that there is only one video to render, which takes longer than all the rest.
    known, secret = accounts.of_vendor(lanes), accounts.in_secret(lanes, BASE_URL, model)
    fake = WatchedDashScope(
        ManualClock(), known, limits=Limits(), switches=switches, seed=seed, get=lambda *_: picture()
    )
    meter = Meter(REGION, lambda _: True, fake.clock.now)
    # Gallop's own random choices.
    random.seed(seed)
    with (
        patch.dict(HANDLERS, Thumbnail=lambda *_: {}),
        fresh(seed, fake) as simulation,
        patch.object(secrets, "dashscope_key", lambda _: secret),
        meter.running_in_process(),
        ExitStack() as stack,
    ):
        side_by_side = SideBySide(simulation.clock, simulation.calls)
        simulation.workflow.beside = side_by_side.begin
        stack.enter_context(patch.object(product_clock, "sleep", side_by_side.sleep))
        stack.callback(side_by_side.end)
        publish(ENVIRONMENT["DASHSCOPE_SECRET_ARN"])
        task_durations.clear_cache()
        yield Run(simulation, fake, meter, jobs)
        # Of those that were drawn for more runs than there were.
        simulation.kills.clear()

"""A hundred folders at once: the jobs that they become, and how many calls that takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from gallop.doors.s3 import drops

from tests.support.pictures import picture
from tests.support.promise import Simulation, fresh
from tests.support.promise.workflow import Workflow
from tests.template.stack import batch_size, parameter

if TYPE_CHECKING:
    from tests.support.promise.simulation import Message

FOLDERS, PICTURES, HOURS = 100, 4, 1
BATCH_SIZE, QUIET = batch_size("SubmitFunction"), int(parameter("QuietSeconds"))
# MaxInFlight of them go through StartTask, WhatNext and WaitForTask; each waits in WaitForSlot before.
SLOTS, STATES_TO_THE_TASK, STATES_IN_LINE = int(parameter("MaxInFlight")), 3, 1


@dataclass(slots=True)
class Lambda:
    """The event source of the S3 door: takes what is due, as many messages at a time as the template says."""

    simulation: Simulation
    invocations: int = 0

    def run(self, *, at_least: int = 1) -> None:
        """Deliver all full batches, or all messages."""
        while len(due := self._due()) >= at_least:
            self.invocations += 1
            batch = drops.Batch()
            for message in due[:BATCH_SIZE]:
                batch.take(drops.Message(message.body, message.id, message.id, 1))
                self.simulation.queue.messages.remove(message)

    def _due(self) -> list[Message]:
        now = self.simulation.clock.now()
        return [message for message in self.simulation.queue.messages if message.visible_at <= now]


def upload(simulation: Simulation, source: Lambda, rng: Random) -> int:
    """Put all files in random order and deliver their events late, shuffled and some twice; return their number."""
    names = [f"{number}.jpg" for number in range(1, PICTURES + 1)] + ["prompt.txt"]
    files = [(folder, name) for folder in range(FOLDERS) for name in names]
    rng.shuffle(files)
    events = 0
    for folder, name in files:
        prompt = f"The cat of folder {folder} jumps."
        times = rng.choice((1, 1, 1, 2))
        simulation.drop(f"drop/ad {folder}/{name}", prompt.encode() if name == "prompt.txt" else picture(), times)
        events += times
        simulation.clock.advance(0.01)
        if len(simulation.queue.messages) > 10 * BATCH_SIZE:
            rng.shuffle(simulation.queue.messages)
            source.run(at_least=5 * BATCH_SIZE)
    return events


def test_a_hundred_folders_make_a_hundred_jobs_at_a_known_price() -> None:
    """Of exactly 100 jobs, from shuffled and repeated events, six are sent immediately and the others wait.

    An invocation takes ``BATCH_SIZE`` messages, and each event is one message. In one invocation a folder is listed
    once and sends at most one look, so there are at most as many looks as events: two invocations per ``BATCH_SIZE``
    events. A look sends another only if a file arrived in the second of the look before, because S3 rounds times to
    the second. A job then either waits in WaitForSlot, which costs nothing, or has passed three more states to
    WaitForTask. In the end each has its video.
    """
    rng, transitions = Random(7), [0]
    original = Workflow._run  # noqa: SLF001 - each run of it is a transition

    def counted(workflow: Workflow, execution: Any) -> None:  # noqa: ANN401 - the support's own
        transitions[0] += 1
        original(workflow, execution)

    with fresh() as simulation, patch.object(Workflow, "_run", counted):
        source = Lambda(simulation)
        events = upload(simulation, source, rng)
        source.run()
        # Delays are whole seconds, rounded up or down.
        simulation.clock.advance(QUIET + 2)
        source.run()
        assert source.invocations <= 2 * math.ceil(events / BATCH_SIZE) + 2
        assert len(simulation.queue.messages) <= FOLDERS
        simulation.clock.advance(QUIET + 2)
        source.run()
        assert [] == simulation.queue.messages
        simulation.run_due()
        jobs = simulation.jobs()
        assert (FOLDERS, FOLDERS) == (len(jobs), len({job.receipts for job in jobs}))
        assert {PICTURES} == {len(job.request.images) for job in jobs}
        assert SLOTS == sum(job.submits for job in jobs) == len(simulation.tasks())
        assert FOLDERS * STATES_IN_LINE + SLOTS * STATES_TO_THE_TASK == transitions[0]
        for _ in range(HOURS * 60):
            simulation.run_for(60)
            simulation.sweep()
        assert {"succeeded"} == {job.state.value for job in simulation.jobs()}
        assert FOLDERS == len({task["prompt"] for task in simulation.tasks()}) == len(simulation.tasks())

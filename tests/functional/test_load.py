"""The programs of ``make load`` and ``make soak``, with a small load: their counts, and that the promises hold."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.load import clients, in_process
from tests.load.figures import MAX_IN_FLIGHT, NEVER, figures
from tests.load.on_testbed import transitions
from tests.load.soak import Watch, kills, promises, soak
from tests.load.vendor import most_at_once, most_within

JOBS = 14
MINUTE = 60


def test_the_maximum_of_requests_per_second() -> None:
    """Every interval of a second counts, not only those aligned to the clock."""
    assert 3 == most_within(1.0, [0.0, 0.7, 1.1, 1.6, 2.65])
    assert 0 == most_within(1.0, [])


def test_the_maximum_of_concurrent_tasks() -> None:
    """A task that ends when another begins does not overlap it; one that has not ended runs forever."""
    assert 2 == most_at_once([(0, 2), (1, 3), (2, 4), (4, NEVER)])


def test_a_retry_is_a_transition() -> None:
    """Step Functions charges for entering a state, and for each retry."""
    history: list[dict[str, Any]] = [
        {"type": "TaskStateEntered", "stateEnteredEventDetails": {"name": "StartTask"}},
        {"type": "TaskScheduled"},
        {"type": "TaskFailed"},
        {"type": "TaskScheduled"},
        {"type": "ChoiceStateEntered", "stateEnteredEventDetails": {"name": "WhatNext"}},
    ]
    assert ["StartTask", "StartTask, again", "WhatNext"] == list(transitions(history))


def test_many_at_once_keep_the_promises() -> None:
    """With three clients at once and a late one, all promises hold and the slots are used."""
    with in_process.started(JOBS, seed=1) as run:
        made = figures(run.make())
    assert all(made.promises().values()), made
    assert (JOBS + 1, MAX_IN_FLIGHT) == (made.new_jobs, made.most_in_flight)


def test_kills_lose_no_slot() -> None:
    """With one in eight runs of each function killed, all jobs end once, and no slot is lost or held twice."""
    rng = Random(1)
    with in_process.started(0, seed=1) as run:
        watch = Watch(run)
        run.simulation.calls.on_call, run.on_sweep = watch.look, watch.look_after_sweep
        kills(run.simulation, rng, runs=100, chance=1 / 8)
        sent = soak(run, 2 * MINUTE, rng)
        made = figures(run.evidence(sent, late_at=NEVER))
    assert run.simulation.killed
    assert all({**made.promises(), **promises(watch)}.values()), made
    assert clients.prompt(0) == sent[0]

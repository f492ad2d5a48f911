"""The programs of ``make load`` and ``make soak``, with a small load: their counts, and that the promises hold."""

from __future__ import annotations

from typing import Any

import pytest

from tests.load import clients, in_process
from tests.load.figures import MAX_IN_FLIGHT, NEVER, figures
from tests.load.on_testbed import transitions
from tests.load.soak import promises, soak, started
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
    assert (JOBS + 1, {"default": MAX_IN_FLIGHT}) == (made.new_jobs, made.most_in_flight)


@pytest.mark.parametrize("lanes", [1, 4])
def test_kills_lose_no_slot(lanes: int) -> None:
    """With one in eight runs of each function killed, and lanes that die, all jobs end once, and no slot is lost."""
    with started(10 * MINUTE, seed=lanes, chance=1 / 8, count=lanes) as (watch, troubles, rng):
        sent = soak(watch.run, 2 * MINUTE if lanes == 1 else 10 * MINUTE, rng, troubles)
        made = figures(watch.run.evidence(sent, late_at=NEVER))
    assert watch.run.simulation.killed
    assert all({**made.promises(), **promises(watch)}.values()), made
    assert clients.prompt(0) == sent[0]

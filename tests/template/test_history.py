"""An execution's history stays below Step Functions' limit, as computed from the workflow and the schedules."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
from gallop.domain import models
from gallop.domain.dashscope import reconciliation
from gallop.domain.scheduling import histogram, polling
from gallop.domain.scheduling.histogram import Histogram

from . import stack

pytestmark = pytest.mark.promise("P6")

LIMIT = 25_000
EVENTS_OF_A_STATE = 2
EVENTS_OF_A_CALL = 3
STATES = stack.definition()["States"]


def events(name: str) -> int:
    """Return the maximum of events of one visit to a state: entered, left, and every call with its retries."""
    state: dict[str, Any] = STATES[name]
    if state["Type"] != "Task":
        return EVENTS_OF_A_STATE
    calls = 1 + sum(int(rule["MaxAttempts"]) for rule in state.get("Retry", []))
    # Between start and end there is the event that it was scheduled.
    handed_over: bool = state["Resource"].endswith(".waitForTaskToken")
    return EVENTS_OF_A_STATE + (EVENTS_OF_A_CALL + handed_over) * calls


def longest_deadline() -> int:
    """Return the longest deadline that the template allows, in seconds."""
    return int(stack.written()["Parameters"]["DeadlineMinutes"]["MaxValue"]) * 60


def questions(known: Histogram) -> int:
    """Return the number of polls of a task that never ends."""
    age, count = 0.0, 0
    while age <= longest_deadline():
        age += polling.next_wait(known, age)
        count += 1
    return count + 1


def looks(seconds: int) -> int:
    """Return the number of searches for a lost task within a number of seconds."""
    waited, count = float(reconciliation.FIRST_LOOK_SECONDS), 0
    while waited <= seconds:
        waited += reconciliation.look_again_in(waited)
        count += 1
    return count + 1


def test_history_stays_under_the_limit() -> None:
    """Every step uses all its retries, and the whole deadline is spent on polls and on searches, both."""
    seeds = [
        histogram.seed(resolution, duration)
        for model in models.MODELS.values()
        for resolution in model.choices("resolution")
        for duration in (3, 15)
    ]
    taught = [reduce(Histogram.with_task, [seconds] * 200, seeds[0]) for seconds in (5.0, 60.0, 600.0, 3600.0)]
    most = max(questions(known) for known in [*seeds, *taught])
    submits = reconciliation.MAX_LOSSES + 1
    waiting = events("WaitForEvent") + events("WaitForTask")
    asking = most * (waiting + events("AskStatus") + events("WhatNext"))
    all_looks = looks(longest_deadline()) + reconciliation.MAX_LOSSES * looks(reconciliation.LATE_SETTLED_SECONDS)
    looking = all_looks * (events("WaitToReconcile") + events("Reconcile") + events("WhatNext"))
    submitting = submits * (events("StartTask") + events("WhatNext"))
    ending = sum(events(name) for name in ("WaitForSlot", "SaveResult", "MakeThumbnail", "Finish", "NotFinished"))
    assert LIMIT > asking + looking + submitting + ending


def test_every_loop_is_counted() -> None:
    """The sum includes all states: a new one must be added to it."""
    counted = {
        "WaitForSlot",
        "StartTask",
        "WhatNext",
        "WaitForEvent",
        "WaitForTask",
        "AskStatus",
        "WaitToReconcile",
        "Reconcile",
        "SaveResult",
    }
    assert counted | {"MakeThumbnail", "Finish", "NotFinished"} == {*STATES}

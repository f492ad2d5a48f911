"""An execution's history stays under Step Functions' limit: computed from the workflow and from the plans."""

from __future__ import annotations

from functools import reduce
from typing import Any

from gallop.domain import models
from gallop.domain.dashscope import reconciliation
from gallop.domain.scheduling import histogram, polling
from gallop.domain.scheduling.histogram import Histogram

from . import stack

LIMIT = 25_000
EVENTS_OF_A_STATE = 2
EVENTS_OF_A_CALL = 3
STATES = stack.definition()["States"]


def events(name: str) -> int:
    """Return the most events of one visit of a state: entered, left, and every call that its retries allow."""
    state: dict[str, Any] = STATES[name]
    if state["Type"] != "Task":
        return EVENTS_OF_A_STATE
    calls = 1 + sum(int(rule["MaxAttempts"]) for rule in state.get("Retry", []))
    # Between its start and its end, that it was handed over.
    handed_over: bool = state["Resource"].endswith(".waitForTaskToken")
    return EVENTS_OF_A_STATE + (EVENTS_OF_A_CALL + handed_over) * calls


def longest_deadline() -> int:
    """Return the longest deadline that the template allows, in seconds."""
    return int(stack.written()["Parameters"]["DeadlineMinutes"]["MaxValue"]) * 60


def questions(known: Histogram) -> int:
    """Count the questions about a task that never ends."""
    age, count = 0.0, 0
    while age <= longest_deadline():
        age += polling.next_wait(known, age)
        count += 1
    return count + 1


def looks(seconds: int) -> int:
    """Count the looks for a lost task within so many seconds."""
    waited, count = float(reconciliation.FIRST_LOOK_SECONDS), 0
    while waited <= seconds:
        waited += reconciliation.look_again_in(waited)
        count += 1
    return count + 1


def test_history_stays_under_the_limit() -> None:
    """Even with every retry of every step used up, and the whole deadline spent on questions and on looks, both."""
    seeds = [
        histogram.seed(resolution, duration)
        for model in models.MODELS.values()
        for resolution in model.resolutions
        for duration in (models.DURATION_SECONDS.start, models.DURATION_SECONDS.stop - 1)
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
    """The states are those that the sum knows: a new one has to be added to it."""
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

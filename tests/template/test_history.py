"""An execution's history stays under Step Functions' limit: computed from the workflow and from the plans."""

from __future__ import annotations

from functools import reduce
from typing import Any

from gallop.domain import models as catalogue
from gallop.domain.dashscope import reconciliation as reconciling
from gallop.domain.scheduling import histogram as sketch
from gallop.domain.scheduling import polling
from gallop.domain.scheduling.histogram import Sketch

from . import stack

LIMIT = 25_000
EVENTS_OF_A_STATE = 2
EVENTS_OF_A_CALL = 3
STATES = stack.definition()["States"]


def events(name: str) -> int:
    """Give the most events of one visit of a state: entered, left, and every call that its retries allow."""
    state: dict[str, Any] = STATES[name]
    if state["Type"] != "Task":
        return EVENTS_OF_A_STATE
    calls = 1 + sum(int(rule["MaxAttempts"]) for rule in state.get("Retry", []))
    # Between its start and its end, that it was handed over.
    handed_over: bool = state["Resource"].endswith(".waitForTaskToken")
    return EVENTS_OF_A_STATE + (EVENTS_OF_A_CALL + handed_over) * calls


def longest_deadline() -> int:
    """Give the longest deadline that the template allows, in seconds."""
    return int(stack.written()["Parameters"]["DeadlineMinutes"]["MaxValue"]) * 60


def questions(known: Sketch) -> int:
    """Count the questions about a task that never ends."""
    age, count = 0.0, 0
    while age <= longest_deadline():
        age += polling.next_wait(known, age)
        count += 1
    return count + 1


def looks(seconds: int) -> int:
    """Count the looks for a lost task within so many seconds."""
    waited, count = float(reconciling.FIRST_LOOK_SECONDS), 0
    while waited <= seconds:
        waited += reconciling.look_again_in(waited)
        count += 1
    return count + 1


def test_history_stays_under_the_limit() -> None:
    """Even with every retry of every step used up, and the whole deadline spent on questions and on looks, both."""
    seeds = [
        sketch.seed(resolution, duration)
        for model in catalogue.MODELS.values()
        for resolution in model.resolutions
        for duration in (catalogue.DURATION_SECONDS.start, catalogue.DURATION_SECONDS.stop - 1)
    ]
    taught = [reduce(Sketch.with_task, [seconds] * 200, seeds[0]) for seconds in (5.0, 60.0, 600.0, 3600.0)]
    most = max(questions(known) for known in [*seeds, *taught])
    submits = reconciling.LOSSES_AT_MOST + 1
    waiting = events("WaitForEvent") + events("WaitForTask")
    asking = most * (waiting + events("AskStatus") + events("WhatNext"))
    all_looks = looks(longest_deadline()) + reconciling.LOSSES_AT_MOST * looks(reconciling.LATE_SETTLED_SECONDS)
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

"""An execution's history stays below Step Functions' limit, as computed from the workflow and the schedules."""

from __future__ import annotations

from typing import Any

import pytest
from gallop.domain import models
from gallop.domain.dashscope import reconciliation
from gallop.domain.scheduling import polling, run_times
from gallop.domain.scheduling.run_times import RunTimes
from gallop.services import lanes, poll_schedule

from . import stack

pytestmark = pytest.mark.promise("P6")

LIMIT = 25_000
EVENTS_OF_A_STATE = 2
EVENTS_OF_A_CALL = 3
STATES = stack.definition()["States"]
ENDING = ("SaveResult", "Finish", "WhatFollows", "SignVideo", "MakeThumbnail", "RenewReceipts", "Ended", "NotFinished")


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


def runs(known: RunTimes, in_flight: int, held_seconds: int) -> int:
    """Return the number of runs that ask about a task that never ends; in each, several queries may follow."""
    age, count = 0.0, 0
    while age <= longest_deadline():
        since = age
        while (wait := polling.next_wait(known, age, in_flight)) <= min(
            poll_schedule.LONGEST_PAUSE_SECONDS, since + held_seconds - age
        ):
            age += wait
        age += wait
        count += 1
    return count + 1


def looks(seconds: int) -> int:
    """Return the number of searches for a lost task within a number of seconds."""
    waited, count = float(reconciliation.FIRST_LOOK_SECONDS), 0
    while waited <= seconds:
        waited += reconciliation.look_again_in(waited)
        count += 1
    return count + 1


def kinds() -> list[RunTimes]:
    """Return run times that a stack may have learned: steady ones, and ones that differ widely."""
    published = [
        run_times.published(resolution, duration)
        for model in models.MODELS.values()
        for resolution in model.choices("resolution")
        for duration in (3, 15)
    ]
    steady = [RunTimes((seconds,) * run_times.KEPT_TASKS) for seconds in (5.0, 60.0, 600.0, 3600.0)]
    return [*published, *steady, RunTimes((30.0, 60.0, 1200.0))]


@pytest.mark.parametrize("max_in_flight", [1, 6, 20, 100])
@pytest.mark.parametrize("held_seconds", [0, 25])
def test_history_stays_under_the_limit(max_in_flight: int, held_seconds: int) -> None:
    """Every step uses all its retries, and the whole deadline is spent on polls or on searches, whichever is more.

    With completion events, no run of the function asks twice.
    """
    most = max(runs(known, max_in_flight * len(models.MODELS), held_seconds) for known in kinds())
    submits = reconciliation.MAX_LOSSES + 1
    waiting = events("WaitForEvent") + events("WaitForTask")
    asking = most * (waiting + events("AskStatus") + events("WhatNext"))
    all_looks = looks(longest_deadline()) + reconciliation.MAX_LOSSES * looks(reconciliation.LATE_SETTLED_SECONDS)
    looking = all_looks * (events("WaitToReconcile") + events("Reconcile") + events("WhatNext"))
    submitting = submits * (events("StartTask") + events("WhatNext"))
    # While the lanes of all accounts are closed, two runs without retries look at the record, until the deadline.
    loop = events("WaitToReconcile") + 2 * (EVENTS_OF_A_STATE + EVENTS_OF_A_CALL + events("WhatNext"))
    leaving = (longest_deadline() // lanes.LONGEST_WAIT_SECONDS + 1) * loop
    ending = sum(events(name) for name in ("WaitForSlot", *ENDING))
    assert LIMIT > max(asking, looking, leaving) + submitting + ending


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
    }
    assert counted | {*ENDING} == {*STATES}

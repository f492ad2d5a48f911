"""What a step returns to the workflow."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from gallop.domain.job import Failure


class Next(StrEnum):
    """What comes next."""

    START = "start"
    RECONCILE = "reconcile"
    WAIT = "wait"
    LISTEN = "listen"
    SAVE = "save"
    FINISH = "finish"


@frozen
class Step:
    """What comes next, the whole seconds to wait before it, and why the job failed, if it did."""

    next: Next
    wait_seconds: int = 0
    failure: Failure | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what the state machine reads; every key is always present."""
        return {**asdict(self), "next": self.next.value}


def start() -> Step:
    """Submit the job."""
    return Step(Next.START)


def reconcile(seconds: int) -> Step:
    """Look after this many seconds whether a submit without a reply created a task."""
    return Step(Next.RECONCILE, wait_seconds=seconds)


def wait(seconds: int) -> Step:
    """Query the task again after this many seconds."""
    return Step(Next.WAIT, wait_seconds=seconds)


def wait_for_task(seconds: int) -> Step:
    """Query the task again after this many seconds, or when DashScope reports its end, if completion events are on."""
    return Step(Next.LISTEN if settings.completion_events() else Next.WAIT, wait_seconds=seconds)


def save() -> Step:
    """Save the video."""
    return Step(Next.SAVE)


def finish(failure: Failure | None = None) -> Step:
    """End the job."""
    return Step(Next.FINISH, failure=failure)

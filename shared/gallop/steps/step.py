"""What a step answers to the workflow."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gallop import settings

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


@dataclass(frozen=True, slots=True)
class Step:
    """What comes next; after how many whole seconds, if it is a wait; and why the job failed, if it did."""

    next: Next
    wait_seconds: int = 0
    failure: Failure | None = None

    def as_json(self) -> dict[str, Any]:
        """Give what the state machine reads; every key is always there."""
        return {**asdict(self), "next": self.next.value}


def start() -> Step:
    """Send a submit."""
    return Step(Next.START)


def reconcile(seconds: int) -> Step:
    """Look, in so many seconds, whether a lost submit made a task."""
    return Step(Next.RECONCILE, wait_seconds=seconds)


def wait(seconds: int) -> Step:
    """Ask again in so many seconds."""
    return Step(Next.WAIT, wait_seconds=seconds)


def wait_for_task(seconds: int) -> Step:
    """Ask again in so many seconds, or at once when DashScope says that the task has ended, where it may say so."""
    return Step(Next.LISTEN if settings.completion_events() else Next.WAIT, wait_seconds=seconds)


def save() -> Step:
    """Fetch the video."""
    return Step(Next.SAVE)


def finish(failure: Failure | None = None) -> Step:
    """End the job."""
    return Step(Next.FINISH, failure=failure)

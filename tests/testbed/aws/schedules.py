"""EventBridge schedules, from rules and from EventBridge Scheduler, on the testbed's clock.

A run is skipped while the previous one is still in progress: a fast clock demands more than a laptop can do, which
would not happen on AWS.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from .account import ACCOUNT
from .expressions import following
from .s3_events import timestamp
from .targets import SERVICE, input_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.testbed.jumping_clock import RunningClock

    from .deploy import Deployment
    from .targets import Targets


@dataclass(slots=True)
class Timer:
    """One schedule and one of its targets."""

    name: str
    next_after: Callable[[float], float]
    fire: Callable[[float, Callable[[], None]], None]
    due: float = 0.0
    busy: bool = False

    def done(self) -> None:
        """Mark the last run as ended."""
        self.busy = False


@dataclass(slots=True)
class Scheduler:
    """Runs timers when they are due."""

    clock: RunningClock
    timers: list[Timer]
    _stopped: Event = field(init=False, default_factory=Event)
    _thread: Thread = field(init=False)

    def start(self) -> None:
        """Start; a rate's first run is after its first period."""
        # At one time for all: a clock that jumps pays for each time.
        now = self.clock.now()
        for timer in self.timers:
            timer.due = timer.next_after(now)
        self._thread = Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Start no further run."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while self.timers and not self._stopped.is_set():
            timer = min(self.timers, key=lambda candidate: candidate.due)
            if self.clock.wait(self._stopped, timer.due - self.clock.now()):
                return
            due = timer.due
            timer.due = timer.next_after(due)
            while timer.due <= self.clock.now():
                timer.due = timer.next_after(timer.due)
            if not timer.busy:
                timer.busy = True
                timer.fire(due, timer.done)


def timers(deployment: Deployment, targets: Targets) -> list[Timer]:
    """Return the timers of a stack."""
    return [*_rule_timers(deployment, targets), *_schedule_timers(deployment, targets)]


def _rule_timers(deployment: Deployment, targets: Targets) -> Iterator[Timer]:
    for rule in deployment.of_type("AWS::Events::Rule"):
        expression = rule.properties.get("ScheduleExpression")
        if expression is None or rule.properties.get("State", "ENABLED") == "DISABLED":
            continue
        arn = f"arn:aws:events:{deployment.region}:{ACCOUNT}:rule/{rule.physical_id}"
        for target in rule.properties.get("Targets", []):
            yield Timer(rule.logical_id, following(expression), _rule_firing(targets, arn, target, deployment.region))


def _rule_firing(
    targets: Targets, arn: str, target: Mapping[str, Any], region: str
) -> Callable[[float, Callable[[], None]], None]:
    def fire(due: float, done: Callable[[], None]) -> None:
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT,
            "time": timestamp(due).split(".")[0] + "Z",
            "region": region,
            "resources": [arn],
            "detail": {},
        }
        targets.deliver(SERVICE, arn, target, input_for(target, event), done)

    return fire


def _schedule_timers(deployment: Deployment, targets: Targets) -> Iterator[Timer]:
    for schedule in deployment.of_type("AWS::Scheduler::Schedule"):
        properties = schedule.properties
        if properties.get("State", "ENABLED") == "ENABLED":
            target = properties["Target"]
            group = properties.get("GroupName", "default")
            arn = f"arn:aws:scheduler:{deployment.region}:{ACCOUNT}:schedule/{group}/{schedule.physical_id}"
            yield Timer(
                schedule.logical_id,
                following(properties["ScheduleExpression"]),
                _schedule_firing(targets, arn, target),
            )


def _schedule_firing(
    targets: Targets, arn: str, target: Mapping[str, Any]
) -> Callable[[float, Callable[[], None]], None]:
    def fire(due: float, done: Callable[[], None]) -> None:
        del due
        targets.deliver("scheduler.amazonaws.com", arn, target, target.get("Input", json.dumps({})), done)

    return fire

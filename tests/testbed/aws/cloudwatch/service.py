"""CloudWatch of the embedded AWS: evaluates the alarms of the stack every minute, and notifies their topics."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moto.cloudwatch.models import cloudwatch_backends
from moto.sns.models import sns_backends

from tests.testbed.aws.account import ACCOUNT
from tests.testbed.aws.expressions import following
from tests.testbed.aws.iam import lookup
from tests.testbed.aws.iam.ask import Ask
from tests.testbed.aws.s3_events import timestamp
from tests.testbed.aws.schedules import Timer

from .alarms import Alarm, State, Watch, read
from .emitted import Emitter
from .metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.testbed.aws.deploy import Deployment
    from tests.testbed.aws.iam.authority import Authority
    from tests.testbed.jumping_clock import RunningClock

_SERVICE = "cloudwatch.amazonaws.com"
_BEFORE = "INSUFFICIENT_DATA"


@dataclass(slots=True)
class CloudWatch:
    """The metrics of the account, and the alarms of its stack."""

    clock: RunningClock
    region: str
    authority: Authority
    metrics: Metrics = field(init=False, default_factory=Metrics)
    emitter: Emitter = field(init=False)
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        """Watch nothing yet."""
        self.emitter = Emitter(self.metrics, self.clock, self.region)
        self.watch = Watch([], self.metrics, self._change)

    def connect(self, deployment: Deployment) -> None:
        """Watch the alarms of a stack."""
        alarms = deployment.of_type("AWS::CloudWatch::Alarm")
        self.watch.alarms = [read(alarm.physical_id, alarm.properties) for alarm in alarms]

    def timer(self) -> Timer:
        """Return what evaluates the alarms every minute."""
        return Timer("alarms", following("rate(1 minute)"), self._fire)

    def _fire(self, due: float, done: Callable[[], None]) -> None:
        del due
        self.emitter.sample()
        self.watch.look(self.clock.now())
        done()

    def _change(self, alarm: Alarm, state: State, now: float) -> None:
        backend = cloudwatch_backends[ACCOUNT][self.region]
        known = backend.alarms[alarm.name]
        before, reason = known.state_value, f"Evaluated as {state} by the testbed."
        backend.set_alarm_state(alarm.name, reason, "{}", state)
        # AWS also sends OK after the first evaluation, where an action asks for it; a person needs no such message.
        for topic in alarm.actions.get(state, []):
            if (before, state) != (_BEFORE, State.OK):
                self._notify(topic, known.alarm_arn, _message(alarm, state, before, reason, now))

    def _notify(self, topic_arn: str, alarm_arn: str, message: dict[str, str]) -> None:
        """Publish, if the policy of the topic allows it; otherwise silently not, as on AWS."""
        ask = Ask("sns:Publish", topic_arn)
        if self.authority.service_allows(_SERVICE, alarm_arn, ask, lookup.resource_policy(topic_arn)):
            subject = f'{message["NewStateValue"]}: "{message["AlarmName"]}"'
            sns_backends[ACCOUNT][self.region].topics[topic_arn].publish(json.dumps(message), subject)


def _message(alarm: Alarm, state: State, before: str, reason: str, now: float) -> dict[str, str]:
    """Return the part of CloudWatch's message that a person reads."""
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "NewStateValue": state,
        "OldStateValue": before,
        "NewStateReason": reason,
        "StateChangeTime": timestamp(now),
    }

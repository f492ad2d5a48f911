"""Targets of EventBridge rules that moto lacks: functions, state machines, and queues with their policies."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .iam.ask import Ask
from .s3_events import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from moto.events.models import Rule

    from .iam.authority import Authority
    from .wiring import Wiring

SERVICE = "events.amazonaws.com"
_PLACEHOLDER = re.compile(r"<([\w.-]+)>")


@dataclass(frozen=True, slots=True)
class Targets:
    """Sends events to targets."""

    wiring: Wiring
    authority: Authority
    client: Callable[[str, str], Any]
    """Returns a client of a service with a role's permissions; takes service and role ARN."""

    def send(self, rule: Rule, target: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
        """Send an event that a rule matched; return whether this kind of target is supported."""
        text = input_for(target, complete(event))
        return self.deliver(SERVICE, rule.arn, target, text)

    def deliver(
        self,
        service: str,
        source_arn: str,
        target: Mapping[str, Any],
        text: str,
        done: Callable[[], None] = lambda: None,
    ) -> bool:
        """Deliver a text on behalf of a rule or schedule; ``done`` is called when the work it started has ended."""
        kind = target["Arn"].split(":")[2]
        if kind == "lambda":
            if not self._to_function(service, source_arn, target, text, done):
                done()
        elif kind == "sqs":
            self._to_queue(service, source_arn, target, text)
            done()
        elif kind == "states":
            self._to_machine(target, text)
            done()
        else:
            done()
            return False
        return True

    def _to_function(
        self, service: str, source_arn: str, target: Mapping[str, Any], text: str, done: Callable[[], None]
    ) -> bool:
        if "RoleArn" not in target:
            return self.wiring.to_function(service, source_arn, target["Arn"], text, done)
        allowed = self.authority.role_allows(target["RoleArn"], Ask("lambda:InvokeFunction", target["Arn"]))
        return allowed and self.wiring.run(target["Arn"], text, done)

    def _to_queue(self, service: str, source_arn: str, target: Mapping[str, Any], text: str) -> None:
        if "RoleArn" in target:
            url = f"https://sqs/{target['Arn'].rsplit(':', 1)[1]}"
            self.client("sqs", target["RoleArn"]).send_message(QueueUrl=url, MessageBody=text)
        else:
            self.wiring.to_queue(service, source_arn, target["Arn"], text)

    def _to_machine(self, target: Mapping[str, Any], text: str) -> None:
        if self.authority.role_allows(target["RoleArn"], Ask("states:StartExecution", target["Arn"])):
            self.client("stepfunctions", target["RoleArn"]).start_execution(stateMachineArn=target["Arn"], input=text)


def complete(event: Mapping[str, Any]) -> dict[str, Any]:
    """Convert moto's event to EventBridge's format: moto stores times as numbers, and adds its own fields."""
    made = {name: value for name, value in event.items() if name not in ("ingestion-time", "replay-name")}
    if not isinstance(made.get("time"), str):
        made["time"] = timestamp(float(made["time"])).split(".")[0] + "Z"
    return made


def input_for(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """Return the input of a target: the event, a part of it, a constant, or a filled-in template."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at(event, target["InputPath"]))
    transformer = target.get("InputTransformer")
    if transformer is None:
        return json.dumps(event)
    values = {name: _at(event, path) for name, path in transformer.get("InputPathsMap", {}).items()}
    return _PLACEHOLDER.sub(lambda found: _inserted(values.get(found.group(1), "")), transformer["InputTemplate"])


def _inserted(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _at(event: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - any JSON
    found: Any = event
    for name in path.removeprefix("$").split("."):
        if name:
            found = found.get(name) if isinstance(found, dict) else None
    return found

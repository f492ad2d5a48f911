"""How AWS's services reach each other inside a stack; each checks the policy of its target."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.sqs.models import sqs_backends

from .account import ACCOUNT
from .asynchronous import AsyncInvoker, InvokeConfig
from .iam import lookup
from .iam.ask import Ask
from .template import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.testbed.jumping_clock import RunningClock

    from .deploy import Deployment
    from .functions import FunctionSpec, Runner
    from .iam.authority import Authority

_S3 = "s3.amazonaws.com"


@dataclass(slots=True)
class Wiring:
    """The connections between services; those to functions exist after ``connect``."""

    authority: Authority
    clock: RunningClock
    region: str
    runner: Callable[[], Runner]
    asynchronous: AsyncInvoker | None = field(init=False, default=None)
    _deployment: Deployment | None = field(init=False, default=None)
    _permissions: dict[str, str] = field(init=False, default_factory=dict)

    def connect(self, deployment: Deployment) -> None:
        """Connect to a stack's functions, or to those of its update; accepted events stay accepted."""
        self._deployment = deployment
        self._permissions = function_policies(deployment)
        configs = invoke_configs(deployment)
        if self.asynchronous is None:
            self.asynchronous = AsyncInvoker(self.runner, self.clock, self._send_with_role, configs)
        else:
            self.asynchronous.invoke_configs = configs

    def close(self) -> None:
        """Start nothing more."""
        if self.asynchronous is not None:
            self.asynchronous.stop()

    def may_invoke(self, service: str, source_arn: str, function_arn: str) -> bool:
        """Return whether a function's policy (the template's Permissions) lets a service run it for a resource."""
        ask = Ask("lambda:InvokeFunction", function_arn)
        return self.authority.service_allows(service, source_arn, ask, self._permissions.get(function_arn))

    def to_queue(self, service: str, source_arn: str, queue_arn: str, message: str) -> bool:
        """Send a service's message to a queue, if the queue's policy allows it; otherwise silently not, as on AWS."""
        ask = Ask("sqs:SendMessage", queue_arn)
        allowed = self.authority.service_allows(service, source_arn, ask, lookup.resource_policy(queue_arn))
        if allowed:
            self._send(queue_arn, message)
        return allowed

    def to_function(
        self, service: str, source_arn: str, function_arn: str, event: str, done: Callable[[], None] = lambda: None
    ) -> bool:
        """Run a function for a service in the background, if the function's policy allows it."""
        return self.may_invoke(service, source_arn, function_arn) and self.run(function_arn, event, done)

    def run(self, function_arn: str, event: str, done: Callable[[], None] = lambda: None) -> bool:
        """Run a function in the background; return False if no stack is connected."""
        if self._deployment is None or self.asynchronous is None:
            return False
        self.asynchronous.invoke(self._deployment.function(function_arn), event.encode(), done)
        return True

    def s3_to_queue(self, bucket_arn: str, queue_arn: str, message: str) -> None:
        """Deliver an S3 event to a queue."""
        self.to_queue(_S3, bucket_arn, queue_arn, message)

    def s3_to_function(self, bucket_arn: str, function_arn: str, event: str) -> None:
        """Deliver an S3 event to a function."""
        self.to_function(_S3, bucket_arn, function_arn, event)

    def _send(self, queue_arn: str, message: str) -> None:
        sqs_backends[ACCOUNT][self.region].send_message(queue_arn.rsplit(":", 1)[1], message)

    def _send_with_role(self, function: FunctionSpec, queue_arn: str, message: str) -> None:
        if self.authority.role_allows(function.role_arn, Ask("sqs:SendMessage", queue_arn)):
            self._send(queue_arn, message)


def function_policies(deployment: Deployment) -> dict[str, str]:
    """Collect the Permissions of each function (by ARN) into its resource policy."""
    gathered: dict[str, list[dict[str, Any]]] = {}
    for permission in deployment.of_type("AWS::Lambda::Permission"):
        statement = _statement(permission.logical_id, permission.properties)
        gathered.setdefault(deployment.function(permission.properties["FunctionName"]).arn, []).append(statement)
    return {arn: json.dumps({"Statement": statements}) for arn, statements in gathered.items()}


def _statement(sid: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    principal = properties["Principal"]
    kind = "Service" if principal.endswith(".amazonaws.com") else "AWS"
    statement: dict[str, Any] = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {kind: principal},
        "Action": properties["Action"],
    }
    conditions: dict[str, Any] = {}
    if "SourceArn" in properties:
        conditions["ArnLike"] = {"AWS:SourceArn": properties["SourceArn"]}
    if "SourceAccount" in properties:
        conditions["StringEquals"] = {"AWS:SourceAccount": properties["SourceAccount"]}
    return statement | ({"Condition": conditions} if conditions else {})


def invoke_configs(deployment: Deployment) -> dict[str, InvokeConfig]:
    """Read the settings of asynchronous invocations, by function name."""
    gathered = {}
    configured = {
        deployment.function(config.properties["FunctionName"]).name: config.properties
        for config in deployment.of_type("AWS::Lambda::EventInvokeConfig")
    }
    for function in deployment.of_type("AWS::Lambda::Function"):
        config = configured.get(function.physical_id, {})
        destinations = config.get("DestinationConfig", {})
        gathered[function.physical_id] = InvokeConfig(
            retries=int(config.get("MaximumRetryAttempts", 2)),
            on_failure=_queue(destinations.get("OnFailure", {}).get("Destination")),
            on_success=_queue(destinations.get("OnSuccess", {}).get("Destination")),
            dead_letters=_queue(function.properties.get("DeadLetterConfig", {}).get("TargetArn")),
        )
    return gathered


def _queue(arn: str | None) -> str | None:
    if arn is not None and not arn.startswith("arn:aws:sqs:"):
        raise TemplateError(f"The testbed delivers failed invocations only to queues, not to {arn}.")
    return arn

"""Log and trace delivery, which Lambda does with a function's role; without permission, silently not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moto.logs.models import logs_backends

from .account import ACCOUNT
from .iam.ask import Ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.testbed.jumping_clock import RunningClock

    from .execution import Invocation
    from .functions import FunctionSpec
    from .iam.authority import Authority

_TRACING = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")


@dataclass(frozen=True, slots=True)
class LogDelivery:
    """Writes logs to their groups, if the function's role allows it."""

    authority: Authority
    clock: RunningClock
    region: str

    def deliver(self, function: FunctionSpec, invocation: Invocation) -> None:
        """Deliver the log of one invocation."""
        if function.traced:
            for action in _TRACING:
                self.authority.role_allows(function.role_arn, Ask(action, "*"))
        group = f"arn:aws:logs:{self.region}:{ACCOUNT}:log-group:{function.log_group}"
        backend = logs_backends[ACCOUNT][self.region]
        if function.log_group not in backend.groups:
            if not self._may(function, "logs:CreateLogGroup", f"{group}:*"):
                return
            backend.create_log_group(function.log_group, {})
        stream = invocation.log_stream
        if stream not in backend.groups[function.log_group].streams:
            if not self._may(function, "logs:CreateLogStream", f"{group}:*"):
                return
            backend.create_log_stream(function.log_group, stream)
        if self._may(function, "logs:PutLogEvents", f"{group}:log-stream:{stream}"):
            now = int(self.clock.now() * 1000)
            events = [{"timestamp": now, "message": line} for line in invocation.log.splitlines()]
            backend.put_log_events(function.log_group, stream, events)

    def _may(self, function: FunctionSpec, action: str, resource: str) -> bool:
        return self.authority.role_allows(function.role_arn, Ask(action, resource))


def group_writer(region: str, clock: RunningClock, group_arn: str) -> Callable[[str], None]:
    """Return a writer of a log group, for a service that uses none of our roles."""
    group = group_arn.split(":log-group:")[1].removesuffix(":*")
    backend = logs_backends[ACCOUNT][region]
    # An update of the stack serves its API again.
    if "access" not in backend.groups[group].streams:
        backend.create_log_stream(group, "access")

    def write(line: str) -> None:
        event = {"timestamp": int(clock.now() * 1000), "message": line}
        backend.put_log_events(group, "access", [event])

    return write

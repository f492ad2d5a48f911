"""What AWS's services emit about a stack, each metric with the page that documents it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from tests.testbed.aws.account import ACCOUNT

from .metrics import Metric, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.testbed.aws.execution import Invocation
    from tests.testbed.aws.functions import FunctionSpec
    from tests.testbed.aws.interpreter import AnyClock

_DOCS = "https://docs.aws.amazon.com"
# After that many receives SQS ignores a message for the age of the oldest one.
POISONOUS_RECEIVES = 3


@dataclass(frozen=True, slots=True)
class Service:
    """The metrics of a service that the testbed emits."""

    dimension: str
    metrics: tuple[str, ...]
    page: str


SERVICES = {
    "AWS/Lambda": Service(
        "FunctionName",
        ("Invocations", "Errors", "Throttles", "Duration"),
        f"{_DOCS}/lambda/latest/dg/monitoring-metrics-types.html",
    ),
    "AWS/States": Service(
        "StateMachineArn",
        ("ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"),
        f"{_DOCS}/step-functions/latest/dg/procedure-cw-metrics.html",
    ),
    "AWS/SQS": Service(
        "QueueName",
        ("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"),
        f"{_DOCS}/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html",
    ),
    "AWS/ApiGateway": Service(
        "ApiId", ("Count", "4xx", "5xx"), f"{_DOCS}/apigateway/latest/developerguide/http-api-metrics.html"
    ),
}
_ENDS = {
    ExecutionStatus.SUCCEEDED: "ExecutionsSucceeded",
    ExecutionStatus.FAILED: "ExecutionsFailed",
    ExecutionStatus.TIMED_OUT: "ExecutionsTimedOut",
    ExecutionStatus.ABORTED: "ExecutionsAborted",
}


@dataclass(slots=True)
class Emitter:
    """Puts the metrics of the services of one region."""

    metrics: Metrics
    clock: AnyClock
    region: str
    _ended: Counter[tuple[str, str]] = field(init=False, default_factory=Counter)
    """How many executions of a machine were counted under a metric."""

    def invocation(self, function: FunctionSpec, record: Invocation) -> None:
        """Count an invocation that has ended, and what its log embeds."""
        self.ran(function.name, is_error=record.error is not None, duration_ms=record.duration_ms)
        self.metrics.put_embedded(record.log, self.clock.now())

    def ran(self, function: str, *, is_error: bool, duration_ms: float) -> None:
        """Count an invocation of a function, by its name."""
        values = {"Invocations": 1.0, "Errors": float(is_error), "Throttles": 0.0, "Duration": duration_ms}
        self.put("AWS/Lambda", function, values)

    def throttled(self, function: str) -> None:
        """Count an invocation that was refused, by the function's name."""
        self.put("AWS/Lambda", function, {"Throttles": 1.0})

    def response(self, api_id: str, status: int) -> None:
        """Count a response of an HTTP API."""
        family = status // 100
        self.put("AWS/ApiGateway", api_id, {"Count": 1.0, "4xx": float(family == 4), "5xx": float(family == 5)})

    def sample(self) -> None:
        """Put what AWS takes once a minute: the queues, and the executions that have ended since."""
        for name, queue in list(sqs_backends[ACCOUNT][self.region].queues.items()):
            ages = _ages(queue, self.clock.now())
            visible = float(len(queue.messages))
            oldest = {"ApproximateAgeOfOldestMessage": max(ages, default=0.0)}
            self.put("AWS/SQS", name, {"ApproximateNumberOfMessagesVisible": visible, **oldest})
        now = Counter(_ended_executions(self.region))
        for (machine, metric), count in (now - self._ended).items():
            self.put("AWS/States", machine, {metric: float(count)})
        self._ended = now

    def put(self, namespace: str, value: str, values: Mapping[str, float]) -> None:
        """Put values of a service's metrics; raise ``KeyError`` for one that the table above does not have."""
        service = SERVICES[namespace]
        for name, number in values.items():
            if name not in service.metrics:
                raise KeyError(name)
            self.metrics.put(Metric.of(namespace, name, {service.dimension: value}), number, self.clock.now())


def _ages(queue: Any, now: float) -> list[float]:  # noqa: ANN401 - moto's
    left = [one for one in queue._messages if one.approximate_receive_count <= POISONOUS_RECEIVES]  # noqa: SLF001
    return [now - float(one.sent_timestamp) / 1000 for one in left]


def _ended_executions(region: str) -> Iterator[tuple[str, str]]:
    """Yield the state machine and the metric of each; those of a distributed map count under the map's label."""
    for machine in list(stepfunctions_parser_backends[ACCOUNT][region].state_machines):
        executions: list[Any] = machine.executions
        for execution in executions:
            if execution.exec_status in _ENDS:
                yield machine.arn, _ENDS[execution.exec_status]
            for run in _map_runs(execution):
                for status, metric in _ENDS.items():
                    counter = getattr(run.execution_counter, status.value.lower())
                    yield from [(run.map_state_machine_arn, metric)] * counter.get()


def _map_runs(execution: Any) -> list[Any]:  # noqa: ANN401 - moto's
    env = getattr(getattr(execution, "exec_worker", None), "env", None)
    return list(env.map_run_record_pool_manager.get_all()) if env else []

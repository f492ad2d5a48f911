"""``workflow.asl.yaml`` run step by step on a clock that stands still, with its retries and catches."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.promise.calls import Killed
from tests.template import stack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from tests.testbed.clock import ManualClock

    Invoke = Callable[[str, dict[str, Any]], dict[str, Any]]

RUNNING, SUCCEEDED, FAILED, ABORTED = "RUNNING", "SUCCEEDED", "FAILED", "ABORTED"
EVENTS_OF_A_CALL = 3
EVENTS_OF_A_STATE = 2


class ExecutionAlreadyExists(Exception):
    """What boto3 raises for a name that was used before."""


class ExecutionDoesNotExist(Exception):
    """What boto3 raises for a name that was never used."""


class Exceptions:
    """The exception classes as a boto3 client carries them."""

    ExecutionAlreadyExists = ExecutionAlreadyExists
    ExecutionDoesNotExist = ExecutionDoesNotExist


@dataclass(slots=True)
class Execution:
    """One execution: where it stands, what it carries, and when it goes on."""

    name: str
    data: dict[str, Any]
    state: str
    wakes_at: float
    status: str = RUNNING
    retries: dict[int, int] = field(default_factory=dict)
    events: int = 1


@dataclass(slots=True)
class Workflow:
    """All executions, and the part of Step Functions' API that the product uses."""

    clock: ManualClock
    rng: Random
    invoke: Invoke
    on_call: Callable[[str, str], None]
    """Called with the moment (``before``, ``after``) and the name of each API call."""
    executions: dict[str, Execution] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    """The jobs whose end others are told of."""
    exceptions: type[Exceptions] = Exceptions

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002, N803 - as boto3
        """Start an execution, once a name."""
        self.on_call("before", "StartExecution")
        if stateMachineArn.endswith("-webhooks"):
            self.told.add(name)
            self.on_call("after", "StartExecution")
            return
        if name in self.executions:
            self.on_call("after", "StartExecution")
            raise ExecutionAlreadyExists
        start = stack.definition()["StartAt"]
        self.executions[name] = Execution(name, json.loads(input), start, self.clock.now())
        self.on_call("after", "StartExecution")

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:  # noqa: N803 - as boto3
        """Tell how an execution stands."""
        self.on_call("before", "DescribeExecution")
        name = executionArn.rpartition(":")[2]
        if name not in self.executions:
            raise ExecutionDoesNotExist
        self.on_call("after", "DescribeExecution")
        return {"status": self.executions[name].status}

    def abort(self, name: str) -> None:
        """Break an execution down, wherever it stands."""
        if self.executions[name].status == RUNNING:
            self.executions[name].status = ABORTED

    def redrive(self, name: str) -> None:
        """Let an execution that failed go on where it failed."""
        execution = self.executions[name]
        execution.status, execution.retries, execution.wakes_at = RUNNING, {}, self.clock.now()

    def next_wake(self) -> float | None:
        """Give the time at which the next execution goes on."""
        return min((one.wakes_at for one in self.executions.values() if one.status == RUNNING), default=None)

    def step(self) -> bool:
        """Run one state of the execution that is due first; False when none is due."""
        due = [one for one in self.executions.values() if one.status == RUNNING and one.wakes_at <= self.clock.now()]
        if not due:
            return False
        self._run(min(due, key=lambda one: one.wakes_at))
        return True

    def _run(self, execution: Execution) -> None:
        state = stack.definition()["States"][execution.state]
        match state["Type"]:
            case "Task":
                self._task(execution, state)
            case "Wait":
                execution.events += EVENTS_OF_A_STATE
                execution.wakes_at = self.clock.now() + execution.data["step"]["wait_seconds"]
                self._go(execution, state["Next"])
            case "Choice":
                execution.events += EVENTS_OF_A_STATE
                answer = execution.data["step"]["next"]
                found = [choice["Next"] for choice in state["Choices"] if choice["StringEquals"] == answer]
                self._go(execution, found[0] if found else state["Default"])
            case "Fail":
                execution.status = FAILED

    def _task(self, execution: Execution, state: Mapping[str, Any]) -> None:
        whole = "Payload.$" in state["Parameters"]
        payload = execution.data if whole else {"job_id": execution.data["job_id"]}
        execution.events += EVENTS_OF_A_CALL
        try:
            answer = self.invoke(_function(state), payload)
        except Killed:
            self._failed(execution, state, "Runtime.ExitError", "RequestId: x Error: Runtime exited")
        except Exception as error:  # noqa: BLE001 - as Lambda does
            cause = json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)})
            self._failed(execution, state, type(error).__name__, cause)
        else:
            selected = {key.removesuffix(".$"): answer[key.removesuffix(".$")] for key in _selected(state)}
            _put(execution.data, state["ResultPath"], selected)
            execution.events += EVENTS_OF_A_STATE
            self._go(execution, state.get("Next"))

    def _failed(self, execution: Execution, state: Mapping[str, Any], name: str, cause: str) -> None:
        for number, rule in enumerate(state["Retry"]):
            if name in rule["ErrorEquals"] and execution.retries.get(number, 0) < rule["MaxAttempts"]:
                delay = rule["IntervalSeconds"] * rule.get("BackoffRate", 2) ** execution.retries.get(number, 0)
                delay = min(delay, rule.get("MaxDelaySeconds", delay))
                execution.retries[number] = execution.retries.get(number, 0) + 1
                jitter = self.rng.random() if rule.get("JitterStrategy") == "FULL" else 1.0
                execution.wakes_at = self.clock.now() + delay * jitter
                return
            if name in rule["ErrorEquals"]:
                break
        catcher = state["Catch"][-1]
        _put(execution.data, catcher["ResultPath"], {"Error": name, "Cause": cause})
        execution.events += EVENTS_OF_A_STATE
        self._go(execution, catcher["Next"])

    def _go(self, execution: Execution, state: str | None) -> None:
        execution.retries = {}
        if state is None:
            execution.status = SUCCEEDED
        else:
            execution.state = state


def _function(state: Mapping[str, Any]) -> str:
    name: str = state["Parameters"]["FunctionName"]
    return name.removeprefix("${").removesuffix("FunctionArn}")


def _selected(state: Mapping[str, Any]) -> list[str]:
    return list(state.get("ResultSelector", {}))


def _put(data: dict[str, Any], path: str | None, value: dict[str, Any]) -> None:
    if path is not None:
        data[path.removeprefix("$.")] = value

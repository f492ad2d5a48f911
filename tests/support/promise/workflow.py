"""The state machines run step by step on a clock that stands still, with their retries and catches, maps and tokens."""

from __future__ import annotations

import json
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.calls import Killed
from tests.template import stack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from fake_dashscope.clock import ManualClock

    Invoke = Callable[[str, dict[str, Any]], dict[str, Any]]

RUNNING, SUCCEEDED, FAILED, ABORTED, TIMED_OUT = "RUNNING", "SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"
EVENTS_OF_A_CALL = 3
EVENTS_OF_A_STATE = 2
NEVER = float("inf")


class ExecutionAlreadyExists(Exception):
    """What boto3 raises for a name that was used before."""


class ExecutionDoesNotExist(Exception):
    """What boto3 raises for a name that was never used."""


class TaskTimedOut(Exception):
    """What boto3 raises for a token that nobody waits for any more."""


class Exceptions:
    """The exception classes as a boto3 client carries them."""

    ExecutionAlreadyExists = ExecutionAlreadyExists
    ExecutionDoesNotExist = ExecutionDoesNotExist
    TaskTimedOut = TaskTimedOut
    InvalidToken = TaskTimedOut
    TaskDoesNotExist = TaskTimedOut


@dataclass(slots=True)
class Execution:
    """One execution: its state, its data, and when it continues."""

    name: str
    level: Mapping[str, Any]
    """The states that it is in: those of a machine, or of a map."""
    data: dict[str, Any]
    state: str
    wakes_at: float
    machine: str
    """The logical id of its state machine, with the label of a map after a slash."""
    status: str = RUNNING
    retries: dict[int, int] = field(default_factory=dict)
    events: int = 1
    token: str = ""
    """What it waits for, if it does."""
    parent: Execution | None = None
    items: list[dict[str, Any]] = field(default_factory=list)
    """What its map has still to start."""
    children: int = 0
    """How many items of its map are running."""
    resume: Callable[[], None] | None = None
    """Continues the function that it waits for, which sleeps."""


@dataclass(slots=True)
class Workflow:
    """All executions, and the part of Step Functions' API that the product uses."""

    clock: ManualClock
    rng: Random
    invoke: Invoke
    on_call: Callable[[str, str], None]
    """Called with the moment (``before``, ``after``) and the name of each API call."""
    read: Callable[[str], Any]
    """Gives the array that a map reads, by its key."""
    definition: Callable[[str], Mapping[str, Any]] = stack.definition
    """Gives a state machine's definition; an execution keeps the one that it was started with."""
    executions: dict[str, Execution] = field(default_factory=dict)
    entered: Counter[str] = field(default_factory=Counter)
    """How often each state was entered, or tried again."""
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many executions of each machine have ended with each status."""
    message: set[str] = field(default_factory=set)
    """The jobs whose end has been announced."""
    exceptions: type[Exceptions] = Exceptions
    tokens: int = 0
    beside: Callable[[Execution, Callable[[], None]], None] = lambda _, work: work()
    """Does the work of a state, which may sleep; by default, all others wait for it."""
    _live: dict[str, Execution] = field(default_factory=dict)
    """Those that run: the others are many, in a batch."""

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002, N803 - as boto3
        """Start an execution, once a name."""
        self.on_call("before", "StartExecution")
        if stateMachineArn.endswith("-webhooks"):
            self.message.add(name)
            self.on_call("after", "StartExecution")
            return
        if name in self.executions:
            self.on_call("after", "StartExecution")
            raise ExecutionAlreadyExists
        machine = "BatchWorkflow" if stateMachineArn.endswith("-batches") else "Workflow"
        level = self.definition(machine)
        self.executions[name] = Execution(name, level, json.loads(input), level["StartAt"], self.clock.now(), machine)
        self._live[name] = self.executions[name]
        self.on_call("after", "StartExecution")

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:  # noqa: N803 - as boto3
        """Return the state of an execution."""
        self.on_call("before", "DescribeExecution")
        name = executionArn.rpartition(":")[2]
        if name not in self.executions:
            raise ExecutionDoesNotExist
        self.on_call("after", "DescribeExecution")
        return {"status": self.executions[name].status}

    def list_executions(self, *, stateMachineArn: str, statusFilter: str, maxResults: int) -> dict[str, Any]:  # noqa: N803 - as boto3
        """Name the executions with a status; only jobs are asked for here."""
        del stateMachineArn
        self.on_call("before", "ListExecutions")
        found = [{"name": name} for name, one in self.executions.items() if one.status == statusFilter]
        self.on_call("after", "ListExecutions")
        return {"executions": found[:maxResults]}

    def send_task_success(self, *, taskToken: str, output: str) -> None:  # noqa: N803 - as boto3
        """Resume the execution that waits for a token."""
        self.on_call("before", "SendTaskSuccess")
        waiting = [one for one in self._running() if one.token == taskToken]
        self.on_call("after", "SendTaskSuccess")
        if not waiting:
            raise TaskTimedOut
        (execution,) = waiting
        execution.token, execution.wakes_at = "", self.clock.now()
        self._answered(execution, execution.level["States"][execution.state], json.loads(output))

    def stop(self, name: str) -> None:
        """Stop an execution, wherever it stands, as an operator does."""
        self._break(name, ABORTED)

    def crash(self, name: str) -> None:
        """Let an execution fail, wherever it stands."""
        self._break(name, FAILED)

    def time_out(self, name: str) -> None:
        """End an execution because of the time-out of its machine."""
        self._break(name, TIMED_OUT)

    def _break(self, name: str, status: str) -> None:
        if self.executions[name].status == RUNNING:
            self._over(self.executions[name], status)

    def redrive(self, name: str) -> None:
        """Resume a failed execution at the state where it failed."""
        execution = self.executions[name]
        execution.status, execution.retries, execution.wakes_at = RUNNING, {}, self.clock.now()
        self._live[name] = execution

    def next_wake(self) -> float | None:
        """Return the time at which the next execution continues."""
        return min((one.wakes_at for one in self._running() if one.wakes_at < NEVER), default=None)

    def step(self) -> bool:
        """Run one state of the execution that is due first; False when none is due."""
        due = [one for one in self._running() if one.wakes_at <= self.clock.now()]
        if not due:
            return False
        first = min(due, key=lambda one: one.wakes_at)
        if first.resume:
            first.resume()
        else:
            self._run(first)
        return True

    def _running(self) -> list[Execution]:
        return list(self._live.values())

    def _run(self, execution: Execution) -> None:
        state = execution.level["States"][execution.state]
        if execution.token:
            execution.token = ""
            self._failed(execution, state, "States.Timeout", "")
            return
        self.entered[execution.state] += 1
        match state["Type"]:
            case "Task" if state["Resource"].endswith(".waitForTaskToken"):
                self._task(execution, state)
            case "Task":
                self.beside(execution, lambda: self._task(execution, state))
            case "Map":
                self._map(execution, state)
            case "Wait":
                execution.events += EVENTS_OF_A_STATE
                execution.wakes_at = self.clock.now() + _at(execution.data, state["SecondsPath"])
                self._go(execution, state["Next"])
            case "Choice":
                execution.events += EVENTS_OF_A_STATE
                found = [choice["Next"] for choice in state["Choices"] if _applies(choice, execution.data)]
                self._go(execution, found[0] if found else state["Default"])
            case "Pass":
                execution.data[state["ResultPath"].removeprefix("$.")] = state["Result"]
                self._go(execution, state["Next"])
            case "Fail":
                self._end(execution, FAILED)
            case "Succeed":
                self._end(execution, SUCCEEDED)

    def _task(self, execution: Execution, state: Mapping[str, Any]) -> None:
        self.tokens += 1
        token = f"token-{self.tokens}"
        waits = state["Resource"].endswith(".waitForTaskToken")
        if waits:
            # Known before the call: the function may give it back at once.
            execution.token, execution.wakes_at = token, self.clock.now() + _timeout(state, execution.data)
        execution.events += EVENTS_OF_A_CALL
        try:
            answer = self.invoke(_function(state), _filled(state["Parameters"], execution.data, token)["Payload"])
        except Killed:
            failure = "Runtime.ExitError", "RequestId: x Error: Runtime exited"
        except Exception as error:  # noqa: BLE001 - as Lambda does
            cause = json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)})
            failure = type(error).__name__, cause
        else:
            if not waits:
                self._answered(execution, state, {"Payload": answer})
            return
        if not waits or execution.token == token:
            self._failed(execution, state, *failure)

    def _answered(self, execution: Execution, state: Mapping[str, Any], answer: dict[str, Any]) -> None:
        result = _filled(state["ResultSelector"], answer, "") if "ResultSelector" in state else answer
        match state.get("ResultPath", "$"):
            case "$":
                execution.data = result
            case str(path):
                execution.data[path.removeprefix("$.")] = result
        execution.events += EVENTS_OF_A_STATE
        self._go(execution, state.get("Next"))

    def _map(self, execution: Execution, state: Mapping[str, Any]) -> None:
        execution.items = self.read(_filled(state["ItemReader"]["Parameters"], execution.data, "")["Key"])
        execution.items.reverse()
        execution.wakes_at = NEVER
        for _ in range(_at(execution.data, state["MaxConcurrencyPath"])):
            self._next_item(execution, state)

    def _next_item(self, parent: Execution, state: Mapping[str, Any]) -> None:
        if parent.items:
            item, level = parent.items.pop(), state["ItemProcessor"]
            data = _filled(state["ItemSelector"], parent.data, "", item)
            name = f"{parent.name}/{len(parent.items)}"
            machine = f"{parent.machine}/{state['Label']}"
            self._live[name] = Execution(name, level, data, level["StartAt"], self.clock.now(), machine, parent=parent)
            parent.children += 1
        elif not parent.children:
            parent.wakes_at = self.clock.now()
            self._go(parent, state["Next"])

    def _failed(self, execution: Execution, state: Mapping[str, Any], name: str, cause: str) -> None:
        execution.token, execution.wakes_at = "", self.clock.now()
        for number, rule in enumerate(state.get("Retry", [])):
            if name in rule["ErrorEquals"] and execution.retries.get(number, 0) < rule["MaxAttempts"]:
                delay = rule["IntervalSeconds"] * rule.get("BackoffRate", 2) ** execution.retries.get(number, 0)
                delay = min(delay, rule.get("MaxDelaySeconds", delay))
                execution.retries[number] = execution.retries.get(number, 0) + 1
                jitter = self.rng.random() if rule.get("JitterStrategy") == "FULL" else 1.0
                execution.wakes_at = self.clock.now() + delay * jitter
                return
            if name in rule["ErrorEquals"]:
                break
        catcher = next(rule for rule in state["Catch"] if {name, "States.ALL"} & {*rule["ErrorEquals"]})
        if catcher["ResultPath"]:
            execution.data[catcher["ResultPath"].removeprefix("$.")] = {"Error": name, "Cause": cause}
        execution.events += EVENTS_OF_A_STATE
        self._go(execution, catcher["Next"])

    def _go(self, execution: Execution, state: str | None) -> None:
        execution.retries = {}
        if state is None:
            self._end(execution, SUCCEEDED)
        else:
            execution.state = state

    def _end(self, execution: Execution, status: str) -> None:
        self._over(execution, status)
        if execution.parent:
            execution.parent.children -= 1
            self._next_item(execution.parent, execution.parent.level["States"][execution.parent.state])

    def _over(self, execution: Execution, status: str) -> None:
        execution.status = status
        self.ended[execution.machine, status] += 1
        del self._live[execution.name]


def _timeout(state: Mapping[str, Any], data: Any) -> float:  # noqa: ANN401 - JSON
    seconds: float = (
        _at(data, state["TimeoutSecondsPath"]) if "TimeoutSecondsPath" in state else state["TimeoutSeconds"]
    )
    return seconds


def _function(state: Mapping[str, Any]) -> str:
    name: str = state["Parameters"]["FunctionName"]
    return name.removeprefix("${").removesuffix("FunctionArn}")


def _filled(template: Mapping[str, Any], data: Any, token: str, item: Any = None) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Fill the paths of a payload template."""
    filled: dict[str, Any] = {}
    for name, value in template.items():
        if isinstance(value, dict):
            filled[name] = _filled(value, data, token, item)
        elif not name.endswith(".$"):
            filled[name] = value
        elif value == "$$.Task.Token":
            filled[name.removesuffix(".$")] = token
        elif value == "$$.Map.Item.Value":
            filled[name.removesuffix(".$")] = item
        else:
            filled[name.removesuffix(".$")] = deepcopy(_at(data, value))
    return filled


def _applies(choice: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    if "IsPresent" in choice:
        is_present: bool = (choice["Variable"].removeprefix("$.") in data) == choice["IsPresent"]
        return is_present
    return bool(choice["StringEquals"] == _at(data, choice["Variable"]))


def _at(data: Any, path: str) -> Any:  # noqa: ANN401 - JSON
    for name in path.split(".")[1:]:
        data = data[name]
    return data

"""moto's interpreter of state machines on the testbed's clock.

Waits, back-off and the time-out of the whole machine are simulated time. So is the time-out of a task that waits for
something outside (a task token, a nested execution). A plain call of a function takes real time, so its
``TimeoutSeconds`` is real time, too.

Everything that all executions of a machine share is computed once: the syntax of its definition and of its paths.
"""

from __future__ import annotations

import datetime as dt
import pickle
import sys
from functools import cache
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import AWSError
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import EvalTimeoutError
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackConsumerLeft, CallbackNotifyConsumerError
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from fake_dashscope.clock import ManualClock

from .account import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from tests.testbed.jumping_clock import RunningClock

    AnyClock = ManualClock | RunningClock

_CLOCKS = (
    "moto.stepfunctions.parser.asl.eval.event.event_manager",
    "moto.stepfunctions.parser.asl.component.state.state",
    "moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp",
    "moto.stepfunctions.parser.backend.execution",
    "moto.stepfunctions.parser.models",
)


class Sleeper:
    """Replaces the ``time`` module where moto only sleeps."""

    def __init__(self, clock: AnyClock) -> None:
        """Sleep on the given clock."""
        self._clock = clock

    def sleep(self, seconds: float) -> None:
        """Wait for simulated seconds."""
        if isinstance(self._clock, ManualClock):
            self._clock.sleep(seconds)
        else:
            self._clock.wait(Event(), seconds)


class Simulated(float):
    """Simulated seconds, where the interpreter would wait for real ones."""

    __slots__ = ()


class ScaledEvent(Event):
    """An event whose time-out may be in simulated seconds."""

    def __init__(self, clock: AnyClock) -> None:
        """Wait on the given clock."""
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, or the time is over; return whether it is."""
        if isinstance(timeout, Simulated) and not isinstance(self._clock, ManualClock):
            return self._clock.wait(self, timeout)
        return super().wait(timeout)


class ScaledTimeout:
    """A time-out in simulated seconds."""

    def __init__(self, timeout: Any) -> None:  # noqa: ANN401
        """Wrap moto's own time-out."""
        self._timeout = timeout

    def is_default_value(self) -> bool:
        """Return whether the state has no time-out of its own."""
        return bool(self._timeout.is_default_value())

    def eval(self, env: Any) -> None:  # noqa: ANN401
        """Push the seconds onto the interpreter's stack."""
        self._timeout.eval(env)
        env.stack.append(Simulated(env.stack.pop()))


def real(clock: AnyClock, seconds: float) -> float:
    """Return the real seconds of a simulated time-out; on a manual clock, simulated seconds are real ones."""
    return seconds if isinstance(clock, ManualClock) else clock.real(seconds)


def wait_interval(clock: AnyClock) -> Callable[[Any, Any, float], None]:
    """Return the wait of a Wait state: simulated seconds, ended early when the execution is stopped."""

    def wait(state: Any, env: Any, wait_seconds: float) -> None:  # noqa: ANN401
        del state
        if isinstance(clock, ManualClock):
            clock.sleep(wait_seconds)
            return
        end = clock.now() + wait_seconds
        while env.is_running() and (remaining := end - clock.now()) > 0:
            clock.wait(env.program_state_event, remaining)

    return wait


def scale_program(evaluate: Callable[[Any, Any], None], clock: AnyClock) -> Callable[[Any, Any], None]:
    """Run the time-out of a whole state machine on the clock."""

    def evaluate_program(program: Any, env: Any) -> None:  # noqa: ANN401
        if program.timeout_seconds:
            seconds = real(clock, program.timeout_seconds.timeout_seconds)
            program.timeout_seconds = SimpleNamespace(timeout_seconds=seconds)
        evaluate(program, env)

    return evaluate_program


def scale_state(evaluate: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Let the time-out of a task that waits for the world run on the clock, and spend its token when it strikes.

    It may strike while the function that was given the token still runs: moto then accepts answers to it forever.
    """

    def evaluate_with_timeout(state: Any, env: Any) -> None:  # noqa: ANN401
        waits = getattr(getattr(state, "resource", None), "condition", None) is not None
        if waits and not isinstance(state.timeout, ScaledTimeout) and not state.timeout.is_default_value():
            state.timeout = ScaledTimeout(state.timeout)
        try:
            evaluate(state, env)
        except EvalTimeoutError:
            if waits:
                token = env.states.context_object.context_object_data["Task"]["Token"]
                env.callback_pool_manager.get(token).report(CallbackConsumerLeft())
            raise

    return evaluate_with_timeout


def invalidating(interrupt_all: Callable[[Any], None]) -> Callable[[Any], None]:
    """Invalidate a token when its wait is over, as on AWS: moto accepts it as long as the execution runs."""

    def interrupt_and_invalidate(endpoint: Any) -> None:  # noqa: ANN401
        interrupt_all(endpoint)
        endpoint.report(CallbackConsumerLeft())

    return interrupt_and_invalidate


def refusing_invalid(notify: Callable[..., bool]) -> Callable[..., bool]:
    """Refuse an invalidated token with AWS's error: moto's own refusal fails on its way out."""

    def notify_unless_invalid(pool: Any, callback_id: str, outcome: Any) -> bool:  # noqa: ANN401
        try:
            return notify(pool, callback_id, outcome)
        except CallbackNotifyConsumerError as over:
            raise AWSError("Task Timed Out: 'Provided task does not exist anymore'", "TaskTimedOut") from over

    return notify_unless_invalid


def parse_once(definition: str) -> tuple[Any, Any]:
    """Parse a definition; its program is a new one each time, because executions change theirs."""
    program, tree = _parsed(definition)
    return pickle.loads(program), tree


@cache
def _parsed(definition: str) -> tuple[bytes, Any]:
    """Return the program in the form that is copied fastest, and its syntax."""
    program, tree = _parse(definition)
    return pickle.dumps(program, pickle.HIGHEST_PROTOCOL), tree


_parse = AmazonStateLanguageParser.parse


def modules_reading_the_clock() -> Iterator[ModuleType]:
    """Return the modules of the interpreter that read the clock."""
    return (sys.modules[name] for name in _CLOCKS)


def scaled_datetime(clock: AnyClock) -> SimpleNamespace:
    """Return a replacement for the ``datetime`` module whose ``now`` is simulated (naive is UTC)."""

    class ScaledDatetime(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:  # noqa: ANN401 - the plain class, not this one
            moment = dt.datetime.fromtimestamp(clock.now(), dt.UTC)
            return moment.replace(tzinfo=None) if tz is None else moment.astimezone(tz)

    return SimpleNamespace(**{**vars(dt), "datetime": ScaledDatetime})


def scaled_utcnow(clock: AnyClock) -> Callable[[], dt.datetime]:
    """Return a replacement for moto's ``utcnow``: naive UTC."""

    def utcnow() -> dt.datetime:
        moment = dt.datetime.fromtimestamp(clock.now(), dt.UTC)
        return moment.replace(tzinfo=None)

    return utcnow


def stop_executions(region: str) -> None:
    """Stop all executions, so that none of their threads outlives the testbed."""
    for machine in stepfunctions_parser_backends[ACCOUNT][region].state_machines:
        for execution in machine.executions:
            has_begun = getattr(getattr(execution, "exec_worker", None), "env", None) is not None
            if has_begun and getattr(execution, "exec_status", None) == ExecutionStatus.RUNNING:
                execution.stop(stop_date=execution.start_date, error="", cause="the testbed stops")

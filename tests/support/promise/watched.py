"""A simulation under the template's alarms: what AWS and the functions emit, evaluated every simulated minute."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.support.calls import Killed
from tests.support.promise.money import go_to_noon
from tests.support.promise.simulation import HANDLERS, fresh
from tests.template import stack
from tests.testbed.aws.cloudwatch import alarms
from tests.testbed.aws.cloudwatch.alarms import State, Watch
from tests.testbed.aws.cloudwatch.emitted import POISONOUS_RECEIVES, Emitter
from tests.testbed.aws.cloudwatch.metrics import MINUTE_SECONDS, Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.support.promise import Simulation
    from tests.support.promise.simulation import Message

_ENDS = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}
# Runs of SubmitFunction, as the simulation names them.
_OF_SUBMIT = "Drops"


class TooManyRequestsError(Exception):
    """Lambda refuses an invocation, under the name by which a state machine knows that."""


TooManyRequestsError.__name__ = "Lambda.TooManyRequestsException"


@dataclass(slots=True)
class Watched:
    """A simulation, and the alarms that were raised over it."""

    simulation: Simulation
    throttled: set[str] = field(default_factory=set)
    """Functions of which Lambda refuses to run every second invocation."""
    raised: set[str] = field(init=False, default_factory=set)
    """The names of all alarms that have been raised."""
    watch: Watch = field(init=False)
    _emitter: Emitter = field(init=False)
    _ended: Counter[tuple[str, str]] = field(init=False, default_factory=Counter)
    _first_seen: dict[str, float] = field(init=False, default_factory=dict)
    _invoked: Counter[str] = field(init=False, default_factory=Counter)
    _sweep_lines: Sequence[dict[str, Any]] = field(init=False, default=())

    def __post_init__(self) -> None:
        """Connect the alarms of the template."""
        metrics = Metrics()
        found = stack.of_type("AWS::CloudWatch::Alarm").items()
        self._emitter = Emitter(metrics, self.simulation.clock, stack.REGION)
        self.watch = Watch(
            [alarms.read(name, stack.resolve(one["Properties"])) for name, one in found], metrics, self._change
        )
        self.simulation.on_run.append(self._ran)
        self.simulation.workflow.invoke = self._invoke

    @property
    def alarmed(self) -> set[str]:
        """The alarms that are raised now."""
        return {name for name, state in self.watch.states.items() if state is State.ALARM}

    def run(self, minutes: int) -> None:
        """Let time pass, with a sweep and a look at the alarms every minute."""
        for _ in range(minutes):
            self.simulation.run_for(MINUTE_SECONDS)
            self._sweep()
            self._sample()
            self.watch.look(self.simulation.clock.now())

    def idle(self, minutes: int) -> None:
        """Let time pass in which nothing happens: each sweep finds what the last one found."""
        for _ in range(minutes):
            self.simulation.clock.advance(MINUTE_SECONDS)
            self._put(self._sweep_lines)
            self.watch.look(self.simulation.clock.now())

    def respond(self, status: int) -> None:
        """Count a response of the HTTPS door."""
        self._emitter.response(_id("HttpApi"), status)

    def refuse(self, function: str) -> None:
        """Count an invocation of a function that Lambda refused, for a caller outside the simulation."""
        self._emitter.throttled(_id(f"{function}Function"))

    def _change(self, alarm: alarms.Alarm, state: State, now: float) -> None:
        del now
        if state is State.ALARM:
            self.raised.add(alarm.name)

    def _ran(self, function: str, lines: Sequence[dict[str, Any]], is_error: bool) -> None:
        name = _id("SubmitFunction" if function == _OF_SUBMIT else f"{function}Function")
        self._emitter.ran(name, is_error=is_error, duration_ms=1)
        self._put(lines)
        if function == "Reconcile":
            self._sweep_lines = lines

    def _put(self, lines: Sequence[dict[str, Any]]) -> None:
        for line in lines:
            self._emitter.metrics.put_line(line, self.simulation.clock.now())

    def _invoke(self, function: str, event: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever it answers
        self._invoked[function] += 1
        if function in self.throttled and self._invoked[function] % 2:
            self._emitter.throttled(_id(f"{function}Function"))
            raise TooManyRequestsError
        return self.simulation.invoke(function, event)

    def _sweep(self) -> None:
        # EventBridge ignores how it ends.
        with suppress(Killed, Exception):
            self._invoke("Reconcile", {"action": "sweep"})

    def _sample(self) -> None:
        self._queue("DropQueue", self.simulation.queue.messages)
        self._queue("DropDeadLetterQueue", self.simulation.queue.dead)
        now = self.simulation.workflow.ended
        for (machine, status), count in (now - self._ended).items():
            of, slash, label = machine.partition("/")
            self._emitter.put("AWS/States", _id(of) + slash + label, {_ENDS[status]: float(count)})
        self._ended = now.copy()

    def _queue(self, name: str, messages: Sequence[Message]) -> None:
        now = self.simulation.clock.now()
        ages = [
            now - self._first_seen.setdefault(message.id, now)
            for message in messages
            if message.received <= POISONOUS_RECEIVES
        ]
        visible = sum(message.visible_at <= now for message in messages)
        values = {
            "ApproximateAgeOfOldestMessage": max(ages, default=0.0),
            "ApproximateNumberOfMessagesVisible": float(visible),
        }
        self._emitter.put("AWS/SQS", stack.resolve({"Fn::GetAtt": [name, "QueueName"]}), values)


@contextmanager
def watched() -> Iterator[Watched]:
    """Give a simulation at noon that has been quiet for some minutes, without thumbnails; all its alarms are OK."""
    with patch.dict(HANDLERS, Thumbnail=lambda *_: {}), fresh() as simulation:
        go_to_noon(simulation)
        made = Watched(simulation)
        made.run(6)
        made.raised.clear()
        yield made


def _id(name: str) -> str:
    """Return what the template's alarms call a resource."""
    return str(stack.resolve({"Ref": name}))

"""Event source mappings of queues: receive in batches, run the function, delete what succeeded, keep the rest.

Waiting (delays, batching windows, visibility) is simulated time. The function's own work is real time, so the time a
batch spends in it counts unscaled against the visibility time-out: a fast clock must not make a message visible again
while it is still being processed.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field
from functools import partial
from math import inf
from threading import BoundedSemaphore, Event, Thread
from typing import TYPE_CHECKING, Any

from moto.awslambda.models import lambda_backends
from moto.sqs.exceptions import SQSException
from moto.sqs.models import sqs_backends

from .account import ACCOUNT
from .functions import Throttled
from .queues import next_visible, wait_for_message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from moto.sqs.models import Message, Queue, SQSBackend

    from tests.testbed.jumping_clock import RunningClock

    from .deploy import Deployment
    from .functions import FunctionSpec, Runner

_POLL_S = 0.1
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a mapping."""

    batch_size: int
    window_s: float
    concurrency: int
    partial_failures: bool


def settings(properties: Mapping[str, Any], processes: int) -> Settings:
    """Read a mapping from its resolved properties; concurrency is limited to the number of processes."""
    scaling = properties.get("ScalingConfig", {}).get("MaximumConcurrency", processes)
    return Settings(
        batch_size=int(properties.get("BatchSize", 10)),
        window_s=float(properties.get("MaximumBatchingWindowInSeconds", 0)),
        concurrency=min(int(scaling), processes),
        partial_failures="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
    )


@dataclass(slots=True)
class SqsSource:
    """One running mapping."""

    queue: Queue
    backend: SQSBackend
    function: FunctionSpec
    runner: Runner
    settings: Settings
    clock: RunningClock
    is_enabled: Callable[[], bool] = lambda: True
    _stopped: Event = field(init=False, default_factory=Event)
    _slots: BoundedSemaphore = field(init=False)
    _thread: Thread = field(init=False)
    _is_full: bool = field(init=False, default=False)
    """Whether as many batches are in progress as may be."""
    _window_until: float = field(init=False, default=inf)
    """When the batching window in progress closes, in simulated seconds."""

    def __post_init__(self) -> None:
        """Create the poller."""
        self._slots = BoundedSemaphore(self.settings.concurrency)
        self._thread = Thread(target=self._poll, name=f"sqs-{self.queue.name}", daemon=True)

    def start(self) -> None:
        """Start polling."""
        self._thread.start()

    def stop(self) -> None:
        """Receive nothing more; batches in progress may end."""
        self._stopped.set()
        self.wake()
        self._thread.join()

    def next_due(self) -> float:
        """Return when the next message can be received, or a batching window closes: a clock may jump there."""
        if self._is_full or self._stopped.is_set() or not self.is_enabled():
            return inf
        with self.queue._messages_lock:  # noqa: SLF001
            now = self.clock.now()
            return now if self.queue.messages else min(next_visible(self.queue, now), self._window_until)

    def wake(self) -> None:
        """Look for messages now."""
        with self.queue._messages_lock:  # noqa: SLF001
            self.queue._messages_lock.notify_all()  # noqa: SLF001

    def _poll(self) -> None:
        while not self._stopped.is_set():
            self._is_full = not self._slots.acquire(timeout=_POLL_S)
            if self._is_full:
                continue
            batch = self._batch()
            if batch:
                Thread(target=self._work, args=(batch,), name=f"batch-{self.queue.name}", daemon=True).start()
            else:
                self._slots.release()

    def _batch(self) -> list[Message]:
        if not self.is_enabled():
            self._stopped.wait(_POLL_S)
            return []
        if not wait_for_message(self.queue, self.clock, _POLL_S):
            return []
        batch = self._receive(self.settings.batch_size)
        end = self.clock.now() + self.settings.window_s
        while batch and len(batch) < self.settings.batch_size and not self._stopped.is_set():
            self._window_until = end
            remaining = self.clock.real(end - self.clock.now())
            if remaining <= 0:
                break
            if wait_for_message(self.queue, self.clock, min(remaining, _POLL_S)):
                batch += self._receive(self.settings.batch_size - len(batch))
        self._window_until = inf
        return batch

    def _receive(self, count: int) -> list[Message]:
        """Receive messages and hide them for as long as the function may process them."""
        visibility = int(self.queue.visibility_timeout + self.function.timeout_s * self.clock.speed + 1)  # type: ignore[attr-defined]
        return self.backend.receive_message(self.queue.name, count, 0, visibility, ["All"])

    def _work(self, batch: Sequence[Message]) -> None:
        started, hidden_until = time.monotonic(), {message.id: message.visible_at for message in batch}
        try:
            failed = self._failed(batch)
            for message in batch:
                if message.id in failed:
                    self._show_again(message, hidden_until[message.id], time.monotonic() - started)
                else:
                    self.backend.delete_message(self.queue.name, str(message.receipt_handle))
        except SQSException:
            # Somebody else deleted the message meanwhile.
            _LOG.exception("batch of %s not settled", self.queue.name)
        finally:
            self._slots.release()

    def _failed(self, batch: Sequence[Message]) -> set[str]:
        """Run the function; return the IDs of the messages that failed."""
        everything = {message.id for message in batch}
        event = {"Records": [record(message, self.queue) for message in batch]}
        try:
            result = self.runner.invoke(self.function.arn, json.dumps(event).encode())
        except Throttled:
            return everything
        if result.error:
            return everything
        return failures(result.payload, everything) if self.settings.partial_failures else set()

    def _show_again(self, message: Message, hidden_until: float, worked_s: float) -> None:
        """Make a failed message visible again when the queue's own time-out has passed since it was received.

        Unless the function has chosen another time.
        """
        remaining = max(0, int(self.queue.visibility_timeout - worked_s))  # type: ignore[attr-defined]
        with self.queue._messages_lock:  # noqa: SLF001
            for original in self.queue._messages:  # noqa: SLF001
                if original.id == message.id and original.visible_at == hidden_until:
                    original.change_visibility(remaining)
            self.queue._messages_lock.notify_all()  # noqa: SLF001


def sources(deployment: Deployment, runner: Runner, clock: RunningClock, processes: int) -> list[SqsSource]:
    """Return the mappings of a stack, not started yet."""
    backend = sqs_backends[ACCOUNT][deployment.region]
    return [
        SqsSource(
            queue=backend.get_queue(mapping.properties["EventSourceArn"].rsplit(":", 1)[1]),
            backend=backend,
            function=deployment.function(mapping.properties["FunctionName"]),
            runner=runner,
            settings=settings(mapping.properties, processes),
            clock=clock,
            is_enabled=partial(_is_enabled, deployment.region, mapping.physical_id),
        )
        for mapping in deployment.of_type("AWS::Lambda::EventSourceMapping")
    ]


def _is_enabled(region: str, mapping: str) -> bool:
    found = lambda_backends[ACCOUNT][region].get_event_source_mapping(mapping)
    return found is None or bool(found.enabled)


def failures(payload: str, everything: set[str]) -> set[str]:
    """Parse a partial batch response; an invalid one means that all messages failed, as on AWS."""
    try:
        response = json.loads(payload) or {}
        failed = [str(item["itemIdentifier"]) for item in response.get("batchItemFailures") or []]
    except (ValueError, TypeError, KeyError, AttributeError):
        return everything
    return set(failed) if everything.issuperset(failed) else everything


def record(message: Message, queue: Queue) -> dict[str, Any]:
    """Describe a message as Lambda does."""
    attributes = {
        "ApproximateReceiveCount": str(message.approximate_receive_count),
        "SentTimestamp": str(message.sent_timestamp),
        "SenderId": message.sender_id,
        "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
    }
    if queue.fifo_queue:
        attributes |= {
            "MessageGroupId": str(message.group_id),
            "MessageDeduplicationId": str(message.deduplication_id),
            "SequenceNumber": str(message.sequence_number),
        }
    made = {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes,
        "messageAttributes": {name: _attribute(value) for name, value in message.message_attributes.items()},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.queue_arn,
        "awsRegion": queue.region,
    }
    if message.message_attributes:
        made["md5OfMessageAttributes"] = message.attribute_md5
    return made


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    binary = value.get("BinaryValue", value.get("binary_value"))
    described: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    if binary is not None:
        described["binaryValue"] = binary.decode() if isinstance(binary, bytes) else binary
    else:
        described["stringValue"] = value.get("StringValue", value.get("string_value"))
    described["dataType"] = value.get("DataType", value.get("data_type"))
    return described

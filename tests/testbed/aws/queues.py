"""moto's queues, made safe for several consumers and moved to the testbed's clock."""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING, Any

from moto.sqs.models import Queue, SQSBackend

from fake_dashscope.clock import ManualClock

if TYPE_CHECKING:
    from moto.sqs.models import Message

    from tests.testbed.jumping_clock import RunningClock

    from .interpreter import AnyClock

_original_add = Queue.add_message
_original_delete = Queue.delete_message
_original_receive = SQSBackend.receive_message
_original_set = Queue._set_attributes  # noqa: SLF001
_MAX_WAIT_S = 0.5


def add_message(queue: Queue, message: Message) -> None:
    """Add a message under the queue's lock, and run no function: the testbed has its own event source mappings."""
    with queue._messages_lock:  # noqa: SLF001
        sources, queue.lambda_event_source_mappings = queue.lambda_event_source_mappings, {}
        try:
            _original_add(queue, message)
        finally:
            queue.lambda_event_source_mappings = sources


def delete_message(queue: Queue, receipt_handle: str) -> None:
    """Delete a message under the queue's lock: moto copies the list, and would lose concurrent messages."""
    with queue._messages_lock:  # noqa: SLF001
        _original_delete(queue, receipt_handle)


def set_attributes(queue: Queue, attributes: dict[str, Any], now: float | None = None) -> None:
    """Change the attributes that are named: moto removes the policy with each change of another."""
    kept = {} if "Policy" in attributes else {"Policy": getattr(queue, "policy", None)}
    _original_set(queue, {**attributes, **kept}, now)


def receiver(clock: AnyClock) -> Any:  # noqa: ANN401 - a method of moto
    """Return a ``receive_message`` that takes messages under the queue's lock and long-polls on the given clock."""

    def receive_message(  # noqa: PLR0913, PLR0917 - moto's signature
        backend: SQSBackend,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        queue = backend.get_queue(queue_name)
        end = clock.now() + wait_seconds_timeout
        while True:
            with queue._messages_lock:  # noqa: SLF001
                taken = _original_receive(backend, queue_name, count, 0, visibility_timeout, message_attribute_names)
            if taken or isinstance(clock, ManualClock) or end <= clock.now():
                return taken
            remaining = clock.real(end - clock.now())
            wait_for_message(queue, clock, remaining)

    return receive_message


def wait_for_message(queue: Queue, clock: RunningClock, longest_s: float) -> bool:
    """Wait up to ``longest_s`` real seconds until a message can be received; return whether one can."""
    end = time.monotonic() + longest_s
    with queue._messages_lock:  # noqa: SLF001
        while not queue.messages:
            remaining = end - time.monotonic()
            if remaining <= 0:
                return False
            queue._messages_lock.wait(min(remaining, _until_visible(queue, clock)))  # noqa: SLF001
    return True


def _until_visible(queue: Queue, clock: RunningClock) -> float:
    """Return the real seconds until the next hidden or delayed message becomes visible."""
    return min(clock.real(next_visible(queue, clock.now()) - clock.now() + 0.002), _MAX_WAIT_S)


def next_visible(queue: Queue, now: float) -> float:
    """Return when the next hidden or delayed message becomes visible, in simulated seconds; infinity if there is none.

    Called under the queue's lock.
    """
    times = [max(message.visible_at, message.delayed_until) / 1000 for message in queue._messages]  # noqa: SLF001
    return min((moment for moment in times if moment >= now), default=inf)

"""Asynchronous invocations: queued, tried up to three times as on Lambda, then sent to their destination."""

from __future__ import annotations

import json
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .functions import Throttled
from .s3_events import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.testbed.jumping_clock import RunningClock

    from .functions import FunctionSpec, Result, Runner

RETRY_WAITS_S = (60.0, 120.0)
"""Simulated seconds before the second and the third attempt."""
_THROTTLED_WAIT_S = 5.0
_THREADS = 64


@dataclass(frozen=True, slots=True)
class InvokeConfig:
    """A function's EventInvokeConfig and DeadLetterConfig: retries, and where results go."""

    retries: int = 2
    on_failure: str | None = None
    on_success: str | None = None
    dead_letters: str | None = None


@dataclass(slots=True)
class AsyncInvoker:
    """Runs functions in the background."""

    runner: Callable[[], Runner]
    clock: RunningClock
    send: Callable[[FunctionSpec, str, str], None]
    """Sends a message with the function's role; takes function, queue ARN and text."""
    invoke_configs: Mapping[str, InvokeConfig]
    """By function name."""
    failures: deque[str] = field(init=False, default_factory=lambda: deque(maxlen=1000))
    """Names of the functions whose last attempt failed."""
    _threads: ThreadPoolExecutor = field(init=False)
    _stopped: threading.Event = field(init=False, default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Create the threads that run and delay events."""
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="async-invocation")

    def invoke(self, function: FunctionSpec, payload: bytes, done: Callable[[], None] = lambda: None) -> None:
        """Accept an event; ``done`` is called when its last attempt has ended."""
        self._threads.submit(self._run, function, payload, done)

    def stop(self) -> None:
        """Start no further attempt."""
        self._stopped.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, function: FunctionSpec, payload: bytes, done: Callable[[], None]) -> None:
        invoke_config = self.invoke_configs.get(function.name, InvokeConfig())
        try:
            result, attempts = self._attempt(function, payload), 1
            while result is not None and result.error and attempts <= invoke_config.retries:
                if self.clock.wait(self._stopped, RETRY_WAITS_S[attempts - 1]):
                    return
                result, attempts = self._attempt(function, payload), attempts + 1
            if result is not None:
                self._conclude(function, invoke_config, payload, result, attempts)
        finally:
            done()

    def _attempt(self, function: FunctionSpec, payload: bytes) -> Result | None:
        """Run the function once, waiting while it is throttled; return None if the testbed stops."""
        while not self._stopped.is_set():
            try:
                return self.runner().invoke(function.arn, payload)
            except Throttled:
                self.clock.wait(self._stopped, _THROTTLED_WAIT_S)
        return None

    def _conclude(
        self, function: FunctionSpec, invoke_config: InvokeConfig, payload: bytes, result: Result, attempts: int
    ) -> None:
        if result.error:
            self.failures.append(function.name)
            if invoke_config.dead_letters:
                self.send(function, invoke_config.dead_letters, payload.decode())
        destination = invoke_config.on_failure if result.error else invoke_config.on_success
        if destination:
            self.send(function, destination, self._report(function, payload, result, attempts))

    def _report(self, function: FunctionSpec, payload: bytes, result: Result, attempts: int) -> str:
        """Describe the invocation as Lambda does to a destination."""
        context = {
            "requestId": result.request_id,
            "functionArn": f"{function.arn}:$LATEST",
            "condition": "RetriesExhausted" if result.error else "Success",
            "approximateInvokeCount": attempts,
        }
        response = {"statusCode": 200, "executedVersion": "$LATEST"}
        if result.error:
            response["functionError"] = "Unhandled"
        return json.dumps(
            {
                "version": "1.0",
                "timestamp": timestamp(self.clock.now()),
                "requestContext": context,
                "requestPayload": json.loads(payload),
                "responseContext": response,
                "responsePayload": json.loads(result.payload or "null"),
            }
        )

"""One invocation on one worker: Lambda's response when it succeeds, fails, hangs, dies or runs out of memory."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .functions import Result
from .worker import Event, InitFailed, ProcessDied

if TYPE_CHECKING:
    from .functions import FunctionSpec
    from .kill_points import KillPlan
    from .pool import Lease

INIT_TIMEOUT_S = 10.0
"""Maximum duration of a cold start, besides the function's own time-out."""
MAX_RESPONSE_BYTES = 6_291_556


@dataclass(frozen=True, slots=True)
class Invocation:
    """The record of an invocation that has ended."""

    function: str
    request_id: str
    cold: bool
    init_ms: float
    duration_ms: float
    slept_s: float
    """Simulated seconds of it in which the function slept."""
    peak_memory_mb: float
    """Largest resident size of the process during this invocation, as far as the system reports it."""
    error: str | None
    calls: tuple[str, ...] | None
    """To the world, by name, where a kill was planned; None where they were not noted."""
    kill: KillPlan | None
    """What was planned for it."""
    log_stream: str
    log: str = field(repr=False)

    @property
    def was_killed(self) -> bool:
        """Whether its process ended in the middle of it."""
        return self.error == "Runtime.ExitError"

    @property
    def has_struck(self) -> bool:
        """Whether the planned kill, or bug, ended it."""
        point = self.kill.point if self.kill else None
        return point is not None and (self.error == "KeyError" if point.is_bug else self.was_killed)

    @property
    def missed_kill(self) -> str | None:
        """Name the planned kill that did not strike, and what the run did instead; None if there is none."""
        if self.kill is None or self.kill.point is None or self.has_struck:
            return None
        return f"{self.kill} did not strike: the run called {', '.join(self.calls or ['nothing'])}"


@dataclass(slots=True)
class Execution:
    """An invocation in progress."""

    spec: FunctionSpec
    lease: Lease
    payload: bytes
    kill: KillPlan | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    _init_ms: float = 0.0
    _started: float = 0.0

    def run(self) -> tuple[Result, Invocation]:
        """Run it to completion; raise ``ProcessDied`` if an idle process died before it received the event."""
        worker = self.lease.worker
        log_start = worker.log_path.stat().st_size
        self._started = time.time()
        payload, error = self._outcome()
        duration = (time.time() - self._started + worker.skipped_s) * 1000
        text = payload.decode("utf-8", "replace")
        name = _error_type(text) if error else None
        with worker.log_path.open("rb") as log:
            log.seek(log_start)
            written = log.read().decode("utf-8", "replace")
        record = Invocation(
            function=self.spec.logical_id,
            request_id=self.request_id,
            cold=self.lease.cold,
            init_ms=self._init_ms,
            duration_ms=duration,
            slept_s=worker.slept_s,
            peak_memory_mb=worker.peak_mb,
            error=name,
            calls=worker.calls(),
            kill=self.kill,
            log_stream=worker.log_stream,
            log=self._framed(written, duration, worker.peak_mb, name),
        )
        return Result(text, error, self.request_id, record.log), record

    def _outcome(self) -> tuple[bytes, bool]:
        try:
            payload, error = self._answer()
        except InitFailed as failure:
            self.lease.broken = True
            return failure.payload.encode(), True
        except TimeoutError:
            self.lease.broken = True
            self.lease.worker.kill()
            return self._refusal("Sandbox.Timedout", f"Task timed out after {self.spec.timeout_s:.2f} seconds"), True
        except ProcessDied as death:
            self.lease.broken = True
            if not death.started and not self.lease.cold:
                raise
            return self._refusal("Runtime.ExitError", _exit_message(death.reason)), True
        if len(payload) > MAX_RESPONSE_BYTES:
            return _too_large(), True
        return payload, error

    def _answer(self) -> tuple[bytes, bool]:
        worker = self.lease.worker
        worker.reset_peak_memory()
        allowance = INIT_TIMEOUT_S if self.lease.cold else 0.0
        worker.ready(self._started + allowance + self.spec.timeout_s)
        if self.lease.cold:
            ready = time.time()
            self._init_ms = (ready - worker.started_at) * 1000
            self._started = ready
        deadline = time.time() + self.spec.timeout_s
        root = f"1-{int(deadline):08x}-{secrets.token_hex(12)}"
        trace = f"Root={root};Parent={secrets.token_hex(8)};Sampled={int(self.spec.traced)}"
        return worker.invoke(Event(self.payload, self.request_id, self.spec.arn, trace, deadline))

    def _refusal(self, error_type: str, message: str) -> bytes:
        text = {"errorType": error_type, "errorMessage": f"RequestId: {self.request_id} Error: {message}"}
        return json.dumps(text).encode()

    def _framed(self, log: str, duration_ms: float, peak_mb: float, error: str | None) -> str:
        """Add Lambda's own lines around the function's log."""
        if log and not log.endswith("\n"):
            log += "\n"
        report = (
            f"Duration: {duration_ms:.2f} ms\tMemory Size: {self.spec.memory_mb} MB\tMax Memory Used: {peak_mb:.0f} MB"
        )
        init = f"\tInit Duration: {self._init_ms:.2f} ms" if self.lease.cold else ""
        status = f"\tStatus: error\tError Type: {error}" if error else ""
        return (
            f"START RequestId: {self.request_id} Version: $LATEST\n{log}END RequestId: {self.request_id}\n"
            f"REPORT RequestId: {self.request_id}\t{report}{init}{status}\n"
        )


def _error_type(payload: str) -> str:
    try:
        return str(json.loads(payload)["errorType"])
    except (ValueError, KeyError, TypeError):
        return "Unhandled"


def _exit_message(reason: str) -> str:
    if reason == "exit status 0":
        return "Runtime exited without providing a reason"
    return f"Runtime exited with error: {reason}"


def _too_large() -> bytes:
    message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
    return json.dumps({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}).encode()

"""One execution environment: a process under ``awslambdaric``, and the server side of its Runtime API."""

from __future__ import annotations

import http.client
import select
import signal
import socket
import struct
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event as Signal
from typing import TYPE_CHECKING, BinaryIO

from .memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from .kill_points import KillPlan

_TICK_S = 0.25
_SECONDS = struct.Struct("d")


class ProcessDied(Exception):
    """The process ended before it answered; ``started`` says whether it had received the event."""

    def __init__(self, reason: str, *, started: bool) -> None:
        """Keep the reason in Lambda's format, such as ``signal: killed``."""
        super().__init__(reason)
        self.reason = reason
        self.started = started


class InitFailed(Exception):
    """The module cannot be imported or has no such handler; ``payload`` is the client's report."""

    def __init__(self, payload: str) -> None:
        """Keep the report."""
        super().__init__(payload)
        self.payload = payload


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the process to the Runtime API."""

    method: str
    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """One invocation, as the Runtime API delivers it."""

    payload: bytes
    request_id: str
    function_arn: str
    trace_id: str
    deadline: float
    """Epoch seconds in real time, because code runs in real time."""


@dataclass(slots=True)
class Worker:
    """A process that serves one function, one invocation at a time."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log_path: Path
    plan_path: Path
    """Where the process reads at which call it dies, and notes the calls that it makes; see ``plan``."""
    rest: Callable[[Signal, float], object]
    """Waits for simulated seconds, or until it is signalled, when the function sleeps."""
    memory_mb: int
    log_stream: str
    slept_s: float = field(init=False, default=0.0)
    """Simulated seconds for which the invocation has slept."""
    skipped_s: float = field(init=False, default=0.0)
    """Those of them that did not really pass: they count as if they had."""
    started_at: float = field(init=False, default=0.0)
    _listener: socket.socket = field(init=False)
    _process: subprocess.Popen[bytes] = field(init=False)
    _memory: Memory = field(init=False)
    _connection: socket.socket | None = field(init=False, default=None)
    _reader: BinaryIO | None = field(init=False, default=None)
    _killed: Signal = field(init=False, default_factory=Signal)
    _sleeper: socket.socket = field(init=False)
    """The other end of the process's standard input, where it asks to sleep."""
    _parked: bool = field(init=False, default=False)
    """Whether the process waits for its next event."""

    def start(self) -> None:
        """Start the process; it imports the handler while ``ready`` waits."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.started_at = time.time()
        self._sleeper, standard_input = socket.socketpair()
        with self.log_path.open("ab") as log, standard_input:
            self._process = subprocess.Popen(
                self.command,
                env={
                    **self.environment,
                    "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
                    "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
                },
                cwd=self.folder,
                stdin=standard_input.fileno(),
                stdout=log,
                stderr=log,
            )
        self._memory = Memory(self._process.pid)

    def ready(self, deadline: float) -> None:
        """Wait until the handler is imported; raise ``TimeoutError``, ``InitFailed`` or ``ProcessDied``."""
        if self._parked:
            return
        request = self._next_request(deadline, started=False)
        self._parked = True
        if request.path.endswith("/init/error"):
            self._reply(202, b"{}", {})
            raise InitFailed(request.body.decode())

    def plan(self, kill: KillPlan | None) -> None:
        """Let the calls of the next invocation be noted, and the process be killed at one of them; None lifts that."""
        if kill is None:
            self.plan_path.unlink(missing_ok=True)
        else:
            self.plan_path.write_text(f"{kill.point or ''}\n", encoding="ascii")

    def calls(self) -> tuple[str, ...] | None:
        """Name the calls that the invocation has made; None where they were not noted."""
        if not self.plan_path.exists():
            return None
        return tuple(self.plan_path.read_text(encoding="ascii").splitlines()[1:])

    def invoke(self, event: Event) -> tuple[bytes, bool]:
        """Deliver an event; return the reply, and whether it is an error. The handler must be ready."""
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": event.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(event.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": event.function_arn,
            "Lambda-Runtime-Trace-Id": event.trace_id,
        }
        self._parked, self.slept_s, self.skipped_s = False, 0.0, 0.0
        try:
            self._reply(200, event.payload, headers)
        except OSError as error:
            raise ProcessDied(self._ending(), started=False) from error
        request = self._next_request(event.deadline, started=True)
        self._reply(202, b"{}", {})
        return request.body, request.path.endswith("/error")

    def kill(self) -> None:
        """End the process immediately, whatever it is doing."""
        self._killed.set()
        if self._process.poll() is None:
            self._process.kill()

    def close(self) -> None:
        """End the process and close its port."""
        self.kill()
        self._process.wait()
        self._disconnect()
        self._listener.close()
        self._sleeper.close()

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return not self._killed.is_set() and self._process.poll() is None

    @property
    def peak_mb(self) -> float:
        """Largest resident size since ``reset_peak_memory``, as last looked at."""
        return self._memory.peak_mb

    def reset_peak_memory(self) -> None:
        """Start a new measurement of the peak."""
        self._memory.reset()

    def _watch_memory(self) -> None:
        """Read the peak, and kill the process if it uses more memory than the function has, as Lambda does."""
        if self._memory.look() > self.memory_mb:
            self.kill()

    def _next_request(self, deadline: float, *, started: bool) -> Request:
        while True:
            remaining = deadline - time.time() - self.skipped_s
            if remaining <= 0:
                raise TimeoutError
            request = self._poll(min(remaining, _TICK_S), remaining)
            self._watch_memory()
            if request is not None and self.peak_mb <= self.memory_mb:
                return request
            if not self.alive and self._connection is None:
                raise ProcessDied(self._ending(), started=started)

    def _poll(self, wait_s: float, remaining_s: float) -> Request | None:
        """Accept a new connection or read from the current one; an end of file closes it."""
        sockets = [self._listener, self._sleeper, *([self._connection] if self._connection else [])]
        readable, _, _ = select.select(sockets, [], [], wait_s)
        if self._connection in readable:
            self._connection.settimeout(remaining_s)
            request = self._read()
            if request is None:
                self._disconnect()
            return request
        if self._listener in readable:
            self._disconnect()
            self._connection, _ = self._listener.accept()
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._reader = self._connection.makefile("rb")
        elif not self.alive:
            self._disconnect()
        elif self._sleeper in readable:
            self._sleep()
        return None

    def _sleep(self) -> None:
        """Let the process sleep for as long as it asks, unless it is killed; at the end of file it is about to end."""
        asked, began = self._sleeper.recv(_SECONDS.size), time.time()
        if not asked:
            return
        (seconds,) = _SECONDS.unpack(asked)
        self.rest(self._killed, seconds)
        if not self.alive:
            return
        self.slept_s += seconds
        self.skipped_s += max(0.0, seconds - (time.time() - began))
        with suppress(ConnectionError):
            self._sleeper.sendall(b"!")

    def _read(self) -> Request | None:
        if self._reader is None:
            return None
        try:
            line = self._reader.readline()
            if not line:
                return None
            method, path, _ = line.decode("ascii").split(" ", 2)
            headers = http.client.parse_headers(self._reader)
            length = int(headers.get("Content-Length", "0"))
            body = self._reader.read(length)
        except ConnectionError:
            return None
        return Request(method, path, body) if len(body) == length else None

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} -", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode()
        if self._connection is None:
            raise ConnectionError
        # One write: a second one would wait for the acknowledgement of the first, which is delayed by 40 ms.
        self._connection.sendall(head + body)

    def _disconnect(self) -> None:
        if self._reader is not None:
            self._reader.close()
        if self._connection is not None:
            self._connection.close()
        self._reader = self._connection = None

    def _ending(self) -> str:
        code = self._process.wait()
        if code >= 0:
            return f"exit status {code}"
        if code == -signal.SIGKILL:
            return "signal: killed"
        return f"signal: {signal.strsignal(-code)}"

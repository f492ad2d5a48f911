"""The execution environments of one function: idle ones are reused, missing ones are started, up to a limit."""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition, RLock
from typing import TYPE_CHECKING

from .functions import Throttled
from .worker import InitFailed, ProcessDied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .worker import Worker


WARM_UP_S = 20.0


@dataclass(slots=True)
class Lease:
    """The use of one worker for one invocation; a broken worker is not reused."""

    worker: Worker
    cold: bool
    broken: bool = False

    def warm_up(self) -> None:
        """Wait until the handler is imported; an import error is left for the invocation to report."""
        try:
            self.worker.ready(time.time() + WARM_UP_S)
        except (InitFailed, ProcessDied, TimeoutError):
            self.broken = True


@dataclass(slots=True)
class Pool:
    """Up to ``limit`` workers at a time; beyond it callers wait, beyond ``reserved`` they are refused as on AWS."""

    create: Callable[[], Worker]
    limit: int
    reserved: int | None = None
    _idle: list[Worker] = field(init=False, default_factory=list)
    _busy: list[Worker] = field(init=False, default_factory=list)
    _queue: deque[Condition] = field(init=False, default_factory=deque)
    _starting: int = field(init=False, default=0)
    _closed: bool = field(init=False, default=False)
    _retired: bool = field(init=False, default=False)
    _lock: RLock = field(init=False, default_factory=RLock)
    _released: Condition = field(init=False)

    def __post_init__(self) -> None:
        """Create the condition on the pool's lock."""
        self._released = Condition(self._lock)

    @contextmanager
    def lease(self) -> Iterator[Lease]:
        """Provide a worker: an idle one, or a new process that is still importing its handler."""
        lease = self._acquire()
        try:
            yield lease
        except BaseException:
            lease.broken = True
            raise
        finally:
            self._release(lease)

    @property
    def busy(self) -> int:
        """The number of workers in use."""
        with self._lock:
            return len(self._busy)

    @property
    def waiting(self) -> int:
        """The number of waiting callers."""
        with self._lock:
            return len(self._queue)

    def kill(self) -> int:
        """Kill all processes, busy and idle; return their number."""
        with self._lock:
            workers = [*self._busy, *self._idle]
        for worker in workers:
            worker.kill()
        return len(workers)

    def retire(self) -> None:
        """Keep no process: what is in progress or waits is done, and then each process ends."""
        with self._lock:
            self._retired = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def close(self) -> None:
        """End all processes; waiting callers are refused."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = list(self._busy)
            for waiter in self._queue:
                waiter.notify()
        for worker in busy:
            worker.kill()
        for worker in idle:
            worker.close()
        with self._lock:
            self._released.wait_for(lambda: not self._busy and not self._starting, timeout=5)

    def _acquire(self) -> Lease:
        with self._lock:
            if self.reserved is not None and self._running() + len(self._queue) >= self.reserved:
                raise Throttled
            self._wait_in_queue()
            if self._closed:
                raise Throttled
            idle = self._take_idle()
            if idle is not None:
                self._busy.append(idle)
                return Lease(idle, cold=False)
            self._starting += 1
        return self._start()

    def _wait_in_queue(self) -> None:
        waiter = Condition(self._lock)
        self._queue.append(waiter)
        waiter.wait_for(lambda: self._closed or (self._queue[0] is waiter and self._running() < self.limit))
        self._queue.remove(waiter)
        self._wake_next()

    def _wake_next(self) -> None:
        """Wake only the first caller in the queue: waking all of them at every change would take all the time."""
        if self._queue:
            self._queue[0].notify()

    def _start(self) -> Lease:
        worker = self.create()
        try:
            worker.start()
        finally:
            with self._lock:
                self._starting -= 1
                self._busy.append(worker)
        return Lease(worker, cold=True)

    def _running(self) -> int:
        return len(self._busy) + self._starting

    def _take_idle(self) -> Worker | None:
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            worker.close()
        return None

    def _release(self, lease: Lease) -> None:
        with self._lock:
            self._busy.remove(lease.worker)
            keep = not (lease.broken or self._closed or self._retired) and lease.worker.alive
            if keep:
                self._idle.append(lease.worker)
            self._wake_next()
            self._released.notify_all()
        if not keep:
            lease.worker.close()

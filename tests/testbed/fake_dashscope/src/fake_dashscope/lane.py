"""The queue of one account and model: a fixed number of tasks run, the others wait in order."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import TYPE_CHECKING

from fake_dashscope import durations
from fake_dashscope.errors import RATE_QUOTA, VendorError
from fake_dashscope.task import CANCELED, FAILED, PENDING, RUNNING, SUCCEEDED, Task

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from fake_dashscope.media import Prepared
    from fake_dashscope.switches import Limits

FAILS_AFTER = 1.5
RECHECK_SECONDS = 0.25


class Lane:
    """Moves its tasks forward to the present when called; nothing runs in between."""

    def __init__(
        self,
        limits: Limits,
        prepare: Callable[[Task], Future[Prepared]],
        prepared: Callable[[Task], None],
        finished: Callable[[Task], None],
    ) -> None:
        """Call ``prepare`` when a task starts, ``prepared`` when its media are ready, ``finished`` when it ends."""
        self._limits = limits
        self._prepare = prepare
        self._prepared = prepared
        self._finished = finished
        self._free = [0.0] * limits.running
        self._pending: deque[Task] = deque()
        self._running: list[tuple[float, int, Task]] = []
        self.fetching: list[Task] = []
        self._order = count()

    def join(self, task: Task) -> None:
        """Queue a task; raises ``VendorError`` if the queue is full."""
        if len(self._pending) >= self._limits.queued:
            raise VendorError(RATE_QUOTA)
        self._pending.append(task)

    def cancel(self, task: Task, now: float) -> None:
        """Cancel a task that has not started; raises ``VendorError`` if it has."""
        if task.status != PENDING:
            raise VendorError("UnsupportedOperation")
        self._pending.remove(task)
        task.status, task.ended = CANCELED, now

    def advance(self, now: float) -> None:
        """Process everything that is due by ``now`` (simulated seconds since the epoch)."""
        while True:
            self._collect_media()
            self._end(now)
            if not self._pending or not self._free:
                return
            at = max(self._pending[0].ready, self._free[0])
            if at > now:
                return
            heappop(self._free)
            self._start(self._pending.popleft(), at)

    def next_due(self) -> float:
        """Return when the next task starts or ends; infinity if none does."""
        starts = max(self._pending[0].ready, self._free[0]) if self._pending and self._free else inf
        return min(starts, self._running[0][0] if self._running else inf)

    def _start(self, task: Task, at: float) -> None:
        task.status, task.scheduled = RUNNING, at
        task.preparation = self._prepare(task)
        self.fetching.append(task)
        self._due(task, at + task.running_seconds)

    def _due(self, task: Task, at: float) -> None:
        task.ends = at
        heappush(self._running, (at, next(self._order), task))

    def _collect_media(self) -> None:
        for task in [task for task in self.fetching if task.preparation and task.preparation.done()]:
            self.fetching.remove(task)
            assert task.preparation is not None
            task.inputs = task.preparation.result()
            task.preparation = None
            self._settle(task, task.inputs)
            if task.failure is None:
                self._prepared(task)

    def _settle(self, task: Task, inputs: Prepared) -> None:
        task.failure = task.order.fault or inputs.failure or _armed_failure(task)
        if task.fault_kind == "times_out":
            self._due(task, task.scheduled + durations.HARD_LIMIT)
        elif task.fault_kind == "never_ends":
            self._due(task, float("inf"))
        elif task.order.fault or inputs.failure:
            self._due(task, task.scheduled + max(FAILS_AFTER, inputs.elapsed))
        else:
            self._due(task, task.scheduled + max(task.running_seconds, inputs.elapsed))

    def _end(self, now: float) -> None:
        while self._running and self._running[0][0] <= now:
            at, _, task = heappop(self._running)
            if task.status != RUNNING or at != task.ends:
                continue
            if task.preparation is not None:
                self._due(task, now + RECHECK_SECONDS)
                continue
            failed = task.failure is not None or task.fault_kind == "fail_without_detail"
            task.status, task.ended = FAILED if failed else SUCCEEDED, at
            heappush(self._free, at)
            self._finished(task)


def _armed_failure(task: Task) -> VendorError | None:
    if task.fault is not None and task.fault_kind == "fail":
        return VendorError(task.fault.options["code"], task.fault.options["message"])
    if task.fault_kind == "times_out":
        return VendorError("InternalError.Timeout")
    return None

"""Run the functions of a stack as Lambda does: in processes of their own, several at a time, every run recorded."""

from __future__ import annotations

from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from .concurrency import AccountConcurrency
from .execution import Execution, Invocation
from .pool import Pool
from .worker import ProcessDied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .environment import Environment
    from .functions import FunctionSpec, Result

MAX_PROCESSES = 4
"""Maximum processes per function at a time, on a laptop; further invocations wait."""
_ARN_PARTS = 7


class LambdaRuntime:
    """All functions of a stack, each with its pool of processes."""

    def __init__(
        self,
        functions: Iterable[FunctionSpec],
        environment: Environment,
        max_processes: int = MAX_PROCESSES,
        account_concurrency: int | None = None,
    ) -> None:
        """Create the pools; processes start when they are needed."""
        specs = list(functions)
        self._account = AccountConcurrency(account_concurrency, specs)
        self._specs = {key: spec for spec in specs for key in (spec.logical_id, spec.name, spec.arn)}
        self._pools = {
            spec.name: Pool(partial(environment.worker, spec), max_processes, spec.reserved_concurrency)
            for spec in specs
        }
        self._lock = Lock()
        self._records: list[Invocation] = []
        self._last_calls: list[tuple[str, bytes, int]] = []
        self.on_end: list[Callable[[FunctionSpec, Invocation], None]] = []
        """Called after every invocation."""

    def spec(self, function: str) -> FunctionSpec:
        """Return a function by its logical ID, name or ARN, with or without a qualifier; raise ``KeyError``."""
        return self._specs[":".join(function.split(":")[:_ARN_PARTS])]

    def invoke(self, function: str, payload: bytes) -> Result:
        """Run the function on a JSON payload; raise ``Throttled`` beyond its concurrency or the account's."""
        spec = self.spec(function)
        while True:
            try:
                with self._account.run(spec), self._pools[spec.name].lease() as lease:
                    lease.worker.grant(self._granted(spec, payload))
                    result, record = Execution(spec, lease, payload).run()
            except ProcessDied:
                # An idle process that had died never received the event: Lambda would also start another.
                continue
            self._record(spec, record)
            return result

    def prewarm(self, function: str) -> None:
        """Start one process of the function, so that the next invocation is a warm one."""
        with self._pools[self.spec(function).name].lease() as lease:
            lease.warm_up()

    def kill(self, function: str) -> int:
        """Kill the function's processes, in the middle of an invocation if there is one; return their number."""
        return self._pools[self.spec(function).name].kill()

    def kill_after(self, function: str, calls: int, matching: str) -> None:
        """Kill the function's next run on an event that contains a text, after this number of network calls."""
        with self._lock:
            self._last_calls.append((self.spec(function).name, matching.encode(), calls))

    def pending_kills(self) -> list[tuple[str, bytes, int]]:
        """Return the kills that no run has met yet: function's name, text, calls."""
        with self._lock:
            return [*self._last_calls]

    def busy(self, function: str) -> int:
        """Return the number of invocations of the function in progress."""
        return self._pools[self.spec(function).name].busy

    def invocations(self, function: str | None = None) -> list[Invocation]:
        """Return the ended invocations, of one function or of all, oldest first."""
        name = None if function is None else self.spec(function).logical_id
        with self._lock:
            return [record for record in self._records if name in (None, record.function)]

    def logs(self, function: str) -> str:
        """Return everything that the function has logged."""
        return "".join(record.log for record in self.invocations(function))

    def close(self) -> None:
        """End all processes."""
        for pool in self._pools.values():
            pool.close()

    def _granted(self, spec: FunctionSpec, payload: bytes) -> int | None:
        with self._lock:
            found = [plan for plan in self._last_calls if plan[0] == spec.name and plan[1] in payload]
            if not found:
                return None
            self._last_calls.remove(found[0])
            return found[0][2]

    def _record(self, spec: FunctionSpec, record: Invocation) -> None:
        with self._lock:
            self._records.append(record)
        for listener in self.on_end:
            listener(spec, record)

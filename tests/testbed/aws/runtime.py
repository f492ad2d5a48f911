"""Run the functions of a stack as Lambda does: in processes of their own, several at a time, every run recorded."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from .concurrency import AccountConcurrency
from .execution import Execution, Invocation
from .functions import Throttled
from .kill_points import KillPlan
from .pool import Pool
from .worker import ProcessDied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from .environment import Environment
    from .functions import FunctionSpec, Result
    from .kill_points import KillPoint

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
        working: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Create the pools; processes start when they are needed. ``working`` surrounds each invocation."""
        self._working = working
        self._environment = environment
        self._max_processes = max_processes
        self._specs: dict[str, FunctionSpec] = {}
        self._names: dict[str, str] = {}
        self._pools: dict[str, Pool] = {}
        self._retired: list[Pool] = []
        self._account = AccountConcurrency(account_concurrency, self._specs)
        self._lock = Lock()
        self._records: list[Invocation] = []
        self._kills: list[KillPlan] = []
        self.on_end: list[Callable[[FunctionSpec, Invocation], None]] = []
        """Called after every invocation."""
        self.on_throttle: list[Callable[[FunctionSpec], None]] = []
        """Called after every invocation that was refused."""
        for spec in functions:
            self.replace(spec)

    def replace(self, spec: FunctionSpec) -> None:
        """Add a function, or replace it; an invocation in progress ends as it began."""
        with self._lock:
            replaced = self._pools.get(spec.name)
            self._specs[spec.name] = spec
            create = partial(self._environment.worker, spec)
            self._pools[spec.name] = Pool(create, self._max_processes, spec.reserved_concurrency)
            self._names |= dict.fromkeys((spec.logical_id, spec.name, spec.arn), spec.name)
        if replaced is not None:
            self._retire(replaced)

    def remove(self, spec: FunctionSpec) -> None:
        """Run a function no more."""
        with self._lock:
            del self._specs[spec.name]
            removed = self._pools.pop(spec.name)
        self._retire(removed)

    def spec(self, function: str) -> FunctionSpec:
        """Return a function by its logical ID, name or ARN, with or without a qualifier; raise ``KeyError``."""
        return self._specs[self._names[":".join(function.split(":")[:_ARN_PARTS])]]

    def invoke(self, function: str, payload: bytes) -> Result:
        """Run the function on a JSON payload; raise ``Throttled`` beyond its concurrency or the account's."""
        spec = self.spec(function)
        try:
            return self._invoke(spec, payload)
        except Throttled:
            for listener in self.on_throttle:
                listener(spec)
            raise

    def _invoke(self, spec: FunctionSpec, payload: bytes) -> Result:
        kill = None
        while True:
            try:
                with self._account.run(spec), self._pools[spec.name].lease() as lease, self._working():
                    kill = kill or self._planned(spec, payload)
                    lease.worker.plan(kill)
                    result, record = Execution(spec, lease, payload, kill).run()
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

    def kill_at(self, function: str, point: KillPoint | None, matching: str) -> None:
        """Kill the function's next run that makes a call, on an event with a text in it.

        Without a point, the calls of the next run on such an event are only noted.
        """
        with self._lock:
            self._kills.append(KillPlan(self.spec(function).logical_id, matching, point))

    def pending_kills(self) -> list[KillPlan]:
        """Give the kills that met no run that makes their call."""
        with self._lock:
            return [*self._kills]

    def withdraw_kills(self, matching: str) -> int:
        """Give up the kills on events with a text that have met no run that makes their call; return how many."""
        with self._lock:
            left = [plan for plan in self._kills if plan.matching != matching]
            withdrawn, self._kills = len(self._kills) - len(left), left
        return withdrawn

    def missed_kills(self, function: str | None = None) -> list[str]:
        """Name the runs that never reached the call of their planned kill, with the calls they made."""
        return [record.missed_kill for record in self.invocations(function) if record.missed_kill]

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
        for pool in [*self._pools.values(), *self._retired]:
            pool.close()

    def _retire(self, pool: Pool) -> None:
        self._retired.append(pool)
        pool.retire()

    def _planned(self, spec: FunctionSpec, payload: bytes) -> KillPlan | None:
        with self._lock:
            for plan in self._kills:
                if plan.function == spec.logical_id and plan.matching.encode() in payload:
                    self._kills.remove(plan)
                    return plan
            return None

    def _record(self, spec: FunctionSpec, record: Invocation) -> None:
        with self._lock:
            self._records.append(record)
            if record.kill and record.missed_kill:
                self._kills.append(record.kill)
        for listener in self.on_end:
            listener(spec, record)

"""The concurrency of an account: the maximum number of functions that run at a time, for all callers together."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from .functions import Throttled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .functions import FunctionSpec


@dataclass(slots=True)
class AccountConcurrency:
    """Refuses invocations beyond the account's limit; None is no limit. A new account of AWS has ten."""

    limit: int | None
    functions: Mapping[str, FunctionSpec]
    _running: int = field(init=False, default=0)
    _lock: Lock = field(init=False, default_factory=Lock)

    @contextmanager
    def run(self, function: FunctionSpec) -> Iterator[None]:
        """Count a function as running; raise ``Throttled`` if too many are. Reserved concurrency is counted apart."""
        if self.limit is None or function.reserved_concurrency is not None:
            yield
            return
        with self._lock:
            if self._running >= self._unreserved(self.limit):
                raise Throttled
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1

    def _unreserved(self, limit: int) -> int:
        return limit - sum(one.reserved_concurrency or 0 for one in self.functions.values())

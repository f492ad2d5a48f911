"""Functions that wait side by side: while one sleeps, the others run, as on Lambda.

Each runs in a thread of its own, and only one thread at a time: the next one continues when this one sleeps or returns.
So a simulation is the same each time, and a function that waits for 25 seconds holds up nobody.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from threading import Event, Thread, current_thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_dashscope.clock import ManualClock
    from tests.support.calls import Calls
    from tests.support.promise.workflow import Execution


class Abandoned(BaseException):
    """The simulation has ended, and with it what still slept in it."""


@dataclass(eq=False, slots=True)
class _Run:
    """A function that runs in its own thread."""

    execution: Execution
    turn: Event = field(default_factory=Event)
    """Set when it is this function's turn."""
    back: Event = field(default_factory=Event)
    """Set when it is the simulation's turn again."""
    failure: BaseException | None = None


@dataclass(slots=True)
class SideBySide:
    """All functions that run beside others."""

    clock: ManualClock
    calls: Calls
    is_over: bool = False
    _runs: dict[Thread, _Run] = field(default_factory=dict)

    def begin(self, execution: Execution, work: Callable[[], None]) -> None:
        """Run a function until it sleeps or returns."""
        run = _Run(execution)
        thread = Thread(target=self._work, args=(run, work), daemon=True)
        self._runs[thread] = run
        thread.start()
        self._pass_turn(run)

    def sleep(self, seconds: float) -> None:
        """Sleep: a function lets others run meanwhile; everyone else lets the time pass."""
        run = self._runs.get(current_thread())
        if run is None:
            self.clock.advance(seconds)
            return
        calls, printed = self.calls.suspended(), sys.stdout
        run.execution.wakes_at = self.clock.now() + max(0.0, seconds)
        run.execution.resume = lambda: self._pass_turn(run)
        run.back.set()
        self._wait(run)
        run.execution.resume = None
        sys.stdout = printed
        self.calls.restore(calls)

    def end(self) -> None:
        """Abandon all that still sleeps."""
        self.is_over = True
        for thread, run in [*self._runs.items()]:
            run.turn.set()
            thread.join()

    def _pass_turn(self, run: _Run) -> None:
        printed = sys.stdout
        run.turn.set()
        run.back.wait()
        run.back.clear()
        sys.stdout = printed
        if run.failure:
            raise run.failure

    def _wait(self, run: _Run) -> None:
        run.turn.wait()
        run.turn.clear()
        if self.is_over:
            raise Abandoned

    def _work(self, run: _Run, work: Callable[[], None]) -> None:
        try:
            self._wait(run)
            work()
        except Abandoned:
            pass
        except BaseException as failure:  # noqa: BLE001 - it is raised where the simulation runs
            run.failure = failure
        finally:
            del self._runs[current_thread()]
            run.back.set()

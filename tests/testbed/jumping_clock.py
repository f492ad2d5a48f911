"""A clock that jumps to the next thing that will happen, as soon as nothing real is waited for.

It runs like a ``ScaledClock``, so that work takes some simulated time, too. When everything is quiet, it first lets
those who wait for a result look again, and then jumps. Quiet means: a test waits (``glance`` or ``sleep``), no
function runs, no thread that a jump has woken is still on its way, and this process uses no CPU. A test that works
itself, or waits for another process, stops all jumps.

Threads that wait on the clock are in a heap of due times (``wait``); others are asked for theirs (``Source``).
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import time
from bisect import bisect
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from threading import Condition, Event, Thread
from typing import TYPE_CHECKING

from fake_dashscope.clock import ScaledClock

from .alarms import Alarms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


GRACE_S = 0.003
"""Real seconds without work that are quiet."""
BUSY_SHARE = 0.25
"""The part of them in which this process may work: the loops of its servers do a little."""
IDLE_LOOK_S = 0.05
"""Real seconds between two looks if nothing is due."""
_OFFSET = struct.Struct("d")
_running: list[JumpingClock] = []


@dataclass(frozen=True, slots=True)
class Source:
    """What happens without a thread that waits on the clock."""

    next_due: Callable[[], float]
    """Returns the simulated time of the next thing: the present if it is in progress, infinity if there is none."""
    wake: Callable[[], object]
    """Does what is due: the time has jumped."""


@dataclass(slots=True)
class JumpingClock:
    """Simulated time for all processes of a testbed.

    What is due within ``slack`` simulated seconds of the next thing happens together with it.
    """

    speed: float = 1.0
    slack: float = 0.0
    anchor: float = field(default_factory=time.time)
    path: Path = field(init=False)
    """A file with the seconds that all jumps have skipped; the processes of functions read it."""
    _skipped: mmap.mmap = field(init=False)
    _jumps: list[tuple[float, float]] = field(init=False, default_factory=list)
    """When each jump was made, in real time, and the seconds that all had skipped before it."""
    _changed: Condition = field(init=False, default_factory=Condition)
    _alarms: Alarms = field(init=False, default_factory=Alarms)
    _sources: list[Source] = field(init=False, default_factory=list)
    _waiting: int = field(init=False, default=0)
    """How many threads of the test wait."""
    _round: int = field(init=False, default=0)
    _working: int = field(init=False, default=0)
    _stopped: Event = field(init=False, default_factory=Event)

    def __post_init__(self) -> None:
        """Create the file."""
        descriptor, path = tempfile.mkstemp(prefix="testbed-clock-")
        self.path = Path(path)
        os.write(descriptor, _OFFSET.pack(0.0))
        self._skipped = mmap.mmap(descriptor, _OFFSET.size)
        os.close(descriptor)

    def now(self) -> float:
        """Return the simulated time in seconds since the epoch."""
        return self._at(time.time())

    def real(self, seconds: float) -> float:
        """Return how many real seconds these simulated ones take if no jump shortens them."""
        return seconds / self.speed

    def age(self, since: float) -> float:
        """Return the simulated seconds since a moment of real time; jumps within its second do not count."""
        later = bisect(self._jumps, (since + 1, inf))
        skipped = self._offset() - self._jumps[later][1] if later < len(self._jumps) else 0.0
        return (time.time() - since) * self.speed + skipped

    def sleep(self, seconds: float) -> None:
        """Wait for simulated seconds, as a test does."""
        with self._waiting_test():
            self.wait(Event(), seconds)

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait until an event is set or cleared, at most for simulated seconds; return whether it is set."""
        return self._wait(event, seconds)

    def rest(self, event: Event, seconds: float) -> bool:
        """Wait in the same way in the middle of ``working``: meanwhile jumps can be made."""
        return self._wait(event, seconds, working=1)

    def glance(self, longest_s: float) -> None:
        """Wait between two looks of a test: until everything is quiet, at most for real seconds."""
        with self._waiting_test(), self._changed:
            before = self._round
            self._changed.wait_for(lambda: self._round != before, longest_s)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Make no jump inside the block: something real is waited for."""
        self._count(working=1)
        try:
            yield
        finally:
            self._count(working=-1)

    def follow(self, source: Source) -> None:
        """Jump to what a source makes happen, too."""
        self._sources.append(source)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Jump inside the block."""
        thread = Thread(target=self._run, name="clock", daemon=True)
        thread.start()
        _running.append(self)
        try:
            yield
        finally:
            _running.remove(self)
            self._stopped.set()
            thread.join()
            self.path.unlink(missing_ok=True)

    def _wait(self, event: Event, seconds: float, working: int = 0) -> bool:
        until = self.now() + seconds
        alarm = self._alarms.add(event, until)
        self._count(working=-working)
        try:
            return alarm.wait(self.real(until - self.now()))
        finally:
            # Before the alarm is left: at each moment one of the two stops the jumps.
            self._count(working=working)
            self._alarms.leave(alarm)

    def _at(self, real: float) -> float:
        return self.anchor + (real - self.anchor) * self.speed + self._offset()

    def _offset(self) -> float:
        return float(_OFFSET.unpack_from(self._skipped)[0])

    def _count(self, working: int = 0, tests: int = 0) -> None:
        with self._changed:
            self._working += working
            self._waiting += tests

    @contextmanager
    def _waiting_test(self) -> Iterator[None]:
        self._count(tests=1)
        try:
            yield
        finally:
            self._count(tests=-1)

    def _run(self) -> None:
        while not self._stopped.is_set():
            if self._is_quiet():
                self._let_look()
                if self._is_quiet():
                    self._jump()

    def _is_quiet(self) -> bool:
        """Watch this process for a short while; what a function does is counted, because it may just wait."""
        begun = time.process_time()
        self._stopped.wait(GRACE_S)
        used = time.process_time() - begun
        return used < BUSY_SHARE * GRACE_S and self._waiting > 0 and self._working == 0 and self._alarms.woken == 0

    def _let_look(self) -> None:
        with self._changed:
            self._round += 1
            self._changed.notify_all()

    def _jump(self) -> None:
        due, now = min(self._alarms.next_due(), *(source.next_due() for source in self._sources), inf), self.now()
        if due == inf:
            self._stopped.wait(IDLE_LOOK_S)
            return
        if due > now:
            self._jumps.append((time.time(), self._offset()))
            _OFFSET.pack_into(self._skipped, 0, self._offset() + due + self.slack - now)
        self._alarms.ring(self.now())
        for source in self._sources:
            source.wake()


RunningClock = ScaledClock | JumpingClock


def current() -> JumpingClock | None:
    """Return the clock that jumps in this process, if one does."""
    return _running[-1] if _running else None


def skipped_file(clock: RunningClock) -> str:
    """Name the file by which other processes follow the jumps of a clock; empty if it makes none."""
    return str(clock.path) if isinstance(clock, JumpingClock) else ""


def working(clock: RunningClock) -> Callable[[], AbstractContextManager[None]]:
    """Return the context in which a clock makes no jump."""
    return clock.working if isinstance(clock, JumpingClock) else nullcontext


def rest(clock: RunningClock) -> Callable[[Event, float], bool]:
    """Return how a function waits on a clock, for simulated seconds or until an event is set."""
    return clock.rest if isinstance(clock, JumpingClock) else clock.wait


def follow(clock: RunningClock, source: Source) -> None:
    """Let a clock jump to what a source makes happen."""
    if isinstance(clock, JumpingClock):
        clock.follow(source)

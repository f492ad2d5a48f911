"""The clock that jumps: a wait that nothing real prolongs takes no time, and nothing is skipped over."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from functools import partial
from math import inf
from threading import Event
from typing import TYPE_CHECKING

import pytest

from tests.support.waiting import eventually, glances
from tests.testbed.aws import bootstrap
from tests.testbed.jumping_clock import JumpingClock, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Background = Callable[[Callable[[], object]], None]

MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.fixture
def clock() -> Iterator[JumpingClock]:
    """Give a running clock, as fast as real time between its jumps."""
    clock = JumpingClock()
    with clock.running():
        yield clock


@pytest.fixture
def in_background() -> Iterator[Background]:
    """Run something on a thread, until its end."""
    with ExitStack() as ends:

        def run(work: Callable[[], object]) -> None:
            thread = threading.Thread(target=work)
            thread.start()
            ends.callback(thread.join)

        yield run


def test_a_day_takes_no_time(clock: JumpingClock) -> None:
    """A test that sleeps for a day continues a day later."""
    before = clock.now()
    clock.sleep(DAY)
    assert before + DAY <= clock.now()


def test_a_test_sees_every_state(clock: JumpingClock, in_background: Background) -> None:
    """It looks once between two jumps, so that it misses nothing that lasts."""
    state, seen = [0], list[int]()

    def pass_hours() -> None:
        for hour in range(1, 6):
            clock.wait(Event(), HOUR)
            state[0] = hour

    in_background(pass_hours)
    for _ in glances():
        seen += [state[0]] if state[0] not in seen else []
        if state[0] == 5:
            break
    assert [0, 1, 2, 3, 4, 5] == seen


def test_what_is_due_first_happens_first(clock: JumpingClock, in_background: Background) -> None:
    """Waits end in the order of their times, however they began."""
    ended: list[int] = []

    def pass_minutes(minutes: int) -> None:
        clock.wait(Event(), minutes * MINUTE)
        ended.append(minutes)

    for minutes in (3, 1, 2):
        in_background(partial(pass_minutes, minutes))
    eventually(lambda: len(ended) == 3)
    assert [1, 2, 3] == ended


def test_an_event_ends_a_wait(clock: JumpingClock, in_background: Background) -> None:
    """A wait for an event ends when it is set, not when the time is over."""
    over, before = Event(), clock.now()
    ended: list[bool] = []
    in_background(lambda: ended.append(clock.wait(over, DAY)))
    over.set()
    eventually(lambda: ended)
    assert [True] == ended
    assert clock.now() < before + DAY


def test_work_stops_the_jumps(clock: JumpingClock, in_background: Background) -> None:
    """While a function runs, time is real."""
    in_background(lambda: clock.wait(Event(), HOUR))
    with clock.working():
        before = clock.now()
        for _ in glances(patience_s=0.2):
            pass
        assert clock.now() < before + MINUTE
    eventually(lambda: clock.now() >= before + HOUR)


def test_a_test_that_works_stops_the_jumps(clock: JumpingClock, in_background: Background) -> None:
    """Time is real unless a test waits for something to happen."""
    stop, before = Event(), clock.now()
    in_background(lambda: clock.wait(stop, HOUR))
    stop.wait(0.1)
    assert clock.now() < before + MINUTE
    stop.set()


def test_a_function_that_sleeps_stops_no_jump(clock: JumpingClock, in_background: Background) -> None:
    """Nothing is done before it wakes up; after that, it is waited for again."""
    woken, done, before = Event(), Event(), clock.now()

    def run() -> None:
        with clock.working():
            clock.rest(Event(), DAY)
            woken.set()
            done.wait()

    in_background(run)
    in_background(lambda: clock.wait(done, 2 * DAY))
    eventually(woken.is_set)
    for _ in glances(patience_s=0.1):
        pass
    now = clock.now()
    done.set()
    assert before + DAY <= now < before + DAY + HOUR


class Postman:
    """Brings something every ten minutes."""

    def __init__(self, clock: JumpingClock) -> None:
        self.clock, self.due = clock, clock.now() + 10 * MINUTE
        self.came: list[float] = []

    def next_due(self) -> float:
        """Return when he comes next; never after the third time."""
        return self.due if len(self.came) < 3 else inf

    def wake(self) -> None:
        """Come, if it is time."""
        if self.next_due() <= self.clock.now():
            self.came.append(self.clock.now())
            self.due += 10 * MINUTE


def test_sources_are_followed(clock: JumpingClock) -> None:
    """The clock also stops at what happens without a thread that waits."""
    postman, before = Postman(clock), clock.now()
    clock.follow(Source(postman.next_due, postman.wake))
    clock.sleep(HOUR)
    assert [10, 20, 30] == [round((came - before) / MINUTE) for came in postman.came]


def test_functions_have_the_same_time(clock: JumpingClock) -> None:
    """The process of a function follows the jumps without asking anybody."""
    function = bootstrap.ScaledClock.read(repr(clock.speed), repr(clock.anchor), str(clock.path))
    clock.sleep(DAY)
    assert clock.now() == pytest.approx(function.now(), abs=MINUTE)


def test_signatures_grow_old(clock: JumpingClock) -> None:
    """The age of a real date includes what was skipped since, except within its own second."""
    real = time.time()
    clock.sleep(HOUR)
    assert MINUTE > clock.age(real)
    clock.sleep(1)
    assert HOUR < clock.age(real - 5)

"""Both faces of the fake, and a web server for the pictures that it fetches."""

from __future__ import annotations

from contextlib import ExitStack
from random import Random
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx

from fake_dashscope import FakeDashScope, Switches, serve
from fake_dashscope.clock import ManualClock
from tests.functional.fake_dashscope.origin import Origin
from tests.functional.fake_dashscope.sandbox import ACCOUNTS, ALIBABA, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FACES = ("respx", "http")


@pytest.fixture(scope="session")
def origin() -> Iterator[Origin]:
    """Serve loopback with pictures, and with what can be wrong with them."""
    with Origin() as running:
        yield running


@pytest.fixture
def seeded() -> Callable[[int], list[Random]]:
    """Give as many random sources as asked for, the same ones each time."""
    return lambda count: [Random(seed) for seed in range(count)]


@pytest.fixture(scope="session")
def http_world() -> Iterator[World]:
    """Serve a fake over HTTP, started once and reset for each test."""
    fake, clock = _fake()
    with serve(fake) as server, httpx.Client(timeout=30, trust_env=False) as client:
        yield World(fake, clock, server.url, client)


@pytest.fixture(params=FACES)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Give a fake behind each of its faces."""
    if request.param == "http":
        shared: World = request.getfixturevalue("http_world")
        shared.fake.reset()
        shared.clock.advance(10)
        yield shared
    else:
        fake, clock = _fake()
        with _in_process(fake) as stack:
            yield World(fake, clock, ALIBABA, stack.enter_context(httpx.Client()))


@pytest.fixture(params=FACES)
def make_world(request: pytest.FixtureRequest) -> Iterator[Callable[..., World]]:
    """Make a fake of one's own behind each of the faces."""
    with ExitStack() as stack:

        def make(**options: Any) -> World:  # noqa: ANN401
            fake, clock = _fake(**options)
            if request.param == "http":
                base = stack.enter_context(serve(fake)).url
            else:
                stack.enter_context(_in_process(fake))
                base = ALIBABA
            return World(fake, clock, base, stack.enter_context(httpx.Client(timeout=30, trust_env=False)))

        yield make


def _fake(**options: Any) -> tuple[FakeDashScope, ManualClock]:  # noqa: ANN401
    clock = ManualClock()
    options.setdefault("switches", Switches(render_ahead=False))
    return FakeDashScope(clock, ACCOUNTS, **options), clock


def _in_process(fake: FakeDashScope) -> ExitStack:
    stack = ExitStack()
    fake.mount(stack.enter_context(respx.mock(assert_all_called=False)))
    return stack

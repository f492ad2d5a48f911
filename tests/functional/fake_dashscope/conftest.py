"""Both faces of the fake, and a web server for the pictures that it downloads."""

from __future__ import annotations

from contextlib import ExitStack
from random import Random
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fake_dashscope import FakeDashScope, ManualClock, Switches, mounted, serve
from tests.functional.fake_dashscope.origin import Origin
from tests.functional.fake_dashscope.sandbox import ACCOUNTS, ALIBABA, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FACES = ("respx", "http")


@pytest.fixture(scope="session")
def origin() -> Iterator[Origin]:
    """Serve pictures on loopback, valid and invalid ones."""
    with Origin() as running:
        yield running


@pytest.fixture
def seeded() -> Callable[[int], list[Random]]:
    """Return the given number of random sources, the same ones each time."""
    return lambda count: [Random(seed) for seed in range(count)]


@pytest.fixture
def fake_dashscope(dashscope_clock: ManualClock) -> FakeDashScope:
    """Give the plugin's fixtures a fake with the accounts of the contract tests."""
    return _fake(dashscope_clock)


@pytest.fixture(scope="session")
def http_sandbox() -> Iterator[Sandbox]:
    """Serve a fake over HTTP, started once and reset for each test."""
    fake = _fake(clock := ManualClock())
    with serve(fake) as server, httpx.Client(timeout=30, trust_env=False) as client:
        yield Sandbox(fake, clock, server.url, client)


@pytest.fixture(params=FACES)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Give a fake behind each of its faces."""
    if request.param == "http":
        shared: Sandbox = request.getfixturevalue("http_sandbox")
        shared.fake.reset()
        shared.clock.advance(10)
        yield shared
    else:
        fake: FakeDashScope = request.getfixturevalue("mounted_dashscope")
        with httpx.Client() as client:
            yield Sandbox(fake, request.getfixturevalue("dashscope_clock"), ALIBABA, client)


@pytest.fixture(params=FACES)
def make_sandbox(request: pytest.FixtureRequest) -> Iterator[Callable[..., Sandbox]]:
    """Make fakes with options of the test's own behind each of the faces."""
    with ExitStack() as stack:

        def make(**options: Any) -> Sandbox:  # noqa: ANN401
            fake = _fake(clock := ManualClock(), **options)
            if request.param == "http":
                base = stack.enter_context(serve(fake)).url
            else:
                stack.enter_context(mounted(fake))
                base = ALIBABA
            return Sandbox(fake, clock, base, stack.enter_context(httpx.Client(timeout=30, trust_env=False)))

        yield make


def _fake(clock: ManualClock, **options: Any) -> FakeDashScope:  # noqa: ANN401
    options.setdefault("switches", Switches(render_ahead=False))
    return FakeDashScope(clock, ACCOUNTS, **options)

"""Requests that wait for a change occupy a function each: only a few may do so at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from gallop.adapters.table import held_requests
from gallop.domain.errors import AwsTrouble

from tests.support.http import Client
from tests.template import stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sandbox import Sandbox

PLACES = int(stack.parameter("MaxHeldRequests"))
SECONDS = 10
WAITED, ANSWERED_AT_ONCE = ("wait=20", 20), (None, 0)
Place = tuple[int, str]


@pytest.fixture
def others(sandbox: Sandbox) -> Iterator[list[Place]]:
    """Let as many requests of others wait as may; the test then acts with the rights of the same function."""
    with sandbox.stack.acting_as("VideosFunction"):
        now = sandbox.clock.now()
        places = [held_requests.enter(now, now + SECONDS) for _ in range(PLACES)]
        yield [place for place in places if place]


def waited(sandbox: Sandbox) -> tuple[str | None, int]:
    """Ask for a job and wait 20 seconds; return the header that grants the wait, and the seconds that it took."""
    job, began = sandbox.put(), sandbox.clock.now()
    answer = Client(sandbox).get(f"/v1/videos/{job.id}", prefer="wait=20")
    assert {"Retry-After", "openai-poll-after-ms"} <= answer.headers.keys()
    return answer.headers.get("Preference-Applied"), round(sandbox.clock.now() - began)


def test_one_too_many_is_answered_at_once(sandbox: Sandbox, others: list[Place]) -> None:
    """It says when to ask again, and does not say that it has waited."""
    assert PLACES == len({number for number, _ in others})
    assert ANSWERED_AT_ONCE == waited(sandbox)


def test_a_request_that_ends_makes_room(sandbox: Sandbox, others: list[Place]) -> None:
    """Its place is free at once, and again after the next request."""
    held_requests.leave(others[0])
    assert WAITED == waited(sandbox)
    assert WAITED == waited(sandbox)


def test_a_request_that_dies_makes_room_later(sandbox: Sandbox, others: list[Place]) -> None:
    """Nobody frees its place, which is free when it would have ended; it then cannot free that of another."""
    sandbox.clock.advance(SECONDS + 1)
    assert WAITED == waited(sandbox)
    now = sandbox.clock.now()
    taken = [held_requests.enter(now, now + SECONDS) for _ in others]
    for place in others:
        held_requests.leave(place)
    assert None not in taken
    assert ANSWERED_AT_ONCE == waited(sandbox)


def test_without_places_nobody_waits(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parameter can be 0."""
    with sandbox.stack.acting_as("VideosFunction"):
        monkeypatch.setenv("MAX_HELD_REQUESTS", "0")
        assert None is held_requests.enter(sandbox.clock.now(), sandbox.clock.now() + SECONDS)


@pytest.mark.parametrize(("call", "expected"), [("enter", ANSWERED_AT_ONCE), ("leave", WAITED)])
def test_a_place_that_cannot_be_written_costs_no_answer(
    sandbox: Sandbox, call: str, expected: tuple[str | None, int]
) -> None:
    """The job was read; that the table refuses the place does not make it a 503."""
    with patch.object(held_requests, call, side_effect=AwsTrouble("The table is throttled.")):
        assert expected == waited(sandbox)

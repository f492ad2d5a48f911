"""The delivery between DashScope and Gallop's door for events: it repeats an event until it is accepted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import httpx
from gallop.domain.dashscope.completion_event import TOKEN_HEADER
from gallop.doors.https.completion_events import PATH
from gallop.doors.https.identity import Caller

from tests.support import http
from tests.support.calls import Killed

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_dashscope.clock import ManualClock

URL = f"https://gallop.example{PATH}"
TOKEN = "the-token"
TRIES, RETRY_SECONDS = 4, 15


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event to deliver."""

    body: str
    due: float
    tried: int = 0


@dataclass(slots=True)
class Events:
    """Events on their way."""

    clock: ManualClock
    invoke: Callable[[str, dict[str, Any]], dict[str, Any]]
    waiting: list[Delivery] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)

    def post(self, request: httpx.Request) -> httpx.Response:
        """Take an event from the fake DashScope, to bring it when nobody is in the middle of something."""
        assert TOKEN == request.headers[TOKEN_HEADER]
        self.waiting.append(Delivery(request.content.decode(), self.clock.now()))
        return httpx.Response(204)

    def deliver(self) -> bool:
        """Bring the event that is due first; False when none is due."""
        due = [one for one in self.waiting if one.due <= self.clock.now()]
        if not due:
            return False
        first = min(due, key=lambda one: one.due)
        self.waiting.remove(first)
        if not self._taken(first.body) and first.tried + 1 < TRIES:
            self.waiting.append(replace(first, due=self.clock.now() + RETRY_SECONDS, tried=first.tried + 1))
        return True

    def _taken(self, body: str) -> bool:
        event = http.event("POST", PATH, body, {TOKEN_HEADER: TOKEN}, Caller(""))
        try:
            answer = self.invoke("Wake", event)
        except Killed:
            return False
        self.answers.append((answer["statusCode"], answer["body"]))
        return bool(answer["statusCode"] == httpx.codes.OK)

"""The fake DashScope's record of a run: its tasks, its refusals, and the requests per second."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fake_dashscope import FakeDashScope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import httpx

    from fake_dashscope.task import Task

    Answer = Callable[[httpx.Request], httpx.Response]
    InTrouble = Callable[[httpx.Request, str, Answer], httpx.Response]

SUBMIT = re.compile(r"POST /api/v1/services/")
QUERY = re.compile(r"GET /api/v1/tasks/.")
TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class Visit:
    """One received request: its time (simulated seconds since the epoch), its first line, and the response's status."""

    at: float
    line: str
    status: int
    account: str
    """The account of its key; empty for an unknown key."""


class WatchedDashScope(FakeDashScope):
    """The fake with all its limits, which records every request."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the fake's own
        super().__init__(*args, **options)
        self.visits: list[Visit] = []
        self.in_trouble: InTrouble = lambda one, _, handle: handle(one)
        """Answers the requests of an account, whose name it gets, in place of a fake that is well."""
        self._names = {key: one.name for one in self.vendor.keyring.accounts.values() for key in one.keys}

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Respond, and record the request."""
        if not request.url.path.startswith("/api/"):
            return super().handle(request)
        account = self._names.get(request.headers.get("authorization", "").removeprefix("Bearer "), "")
        return self.in_trouble(request, account, lambda one: self._recorded(one, account))

    def _recorded(self, request: httpx.Request, account: str) -> httpx.Response:
        with self._lock:
            at = self.clock.now()
            response = super().handle(request)
            self.visits.append(Visit(at, f"{request.method} {request.url.path}", response.status_code, account))
        return response

    @property
    def accounts(self) -> list[str]:
        """Return the names of the accounts."""
        return [*self.vendor.keyring.accounts]

    def tasks(self) -> list[Task]:
        """Return all tasks, up to date."""
        self.tick()
        with self._lock:
            return [*self.vendor.tasks.values()]

    def refused(self) -> int:
        """Count the requests that were refused for a limit."""
        return sum(visit.status == TOO_MANY for visit in self.visits)

    def count(self, kind: re.Pattern[str]) -> int:
        """Return the number of requests of a kind."""
        return sum(kind.match(visit.line) is not None for visit in self.visits)

    def most_a_second(self, kind: re.Pattern[str]) -> int:
        """Return the most requests of a kind and of one account within any one second."""
        times: dict[str, list[float]] = defaultdict(list)
        for visit in self.visits:
            if kind.match(visit.line):
                times[visit.account].append(visit.at)
        return max((most_within(1.0, found) for found in times.values()), default=0)


def most_within(seconds: float, times: Iterable[float]) -> int:
    """Return the most of these times within any interval of ``seconds``."""
    window: deque[float] = deque()
    most = 0
    for time in sorted(times):
        window.append(time)
        while window[0] <= time - seconds:
            window.popleft()
        most = max(most, len(window))
    return most


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """Return the most of these spans (from, to) that overlap; one that ends as another begins does not overlap it."""
    changes = sorted((time, step) for begin, end in spans for time, step in ((begin, 1), (end, -1)))
    most = now = 0
    for _, step in changes:
        now += step
        most = max(most, now)
    return most

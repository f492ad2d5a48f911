"""Lanes that die and come back at random: wrong keys, bills, outages, throttling, lost replies and lists that lie."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.load.vendor import WatchedDashScope

    Answer = Callable[[httpx.Request], httpx.Response]

KINDS = ("wrong key", "bill", "outage", "throttled", "lost replies", "empty list", "late list")
LIES = ("lost replies", "empty list", "late list")
# How long the list shows nothing, or nothing new.
LIE_SECONDS = 60.0
SHORTEST_SECONDS, LONGEST_SECONDS = 30.0, 900.0
CHANCE_PER_MINUTE = 0.08
CHANCE_OF_A_LOST_REPLY = 0.5


@dataclass(slots=True)
class Troubles:
    """What is wrong with each account of the fake DashScope, and until when."""

    fake: WatchedDashScope
    rng: Random
    had: Counter[str] = field(default_factory=Counter)
    _now: dict[str, tuple[str, float]] = field(default_factory=dict)
    """By account: its trouble, and when that ends."""
    _looked_at: float = 0.0

    def pass_time(self) -> None:
        """Let troubles begin, each minute at random."""
        now = self.fake.clock.now()
        if now < self._looked_at + 60:
            return
        self._looked_at = now
        for account in self.fake.accounts:
            if account not in self._now and self.rng.random() < CHANCE_PER_MINUTE:
                kind = self.rng.choice(KINDS)
                seconds = LIE_SECONDS if kind in LIES else self.rng.uniform(SHORTEST_SECONDS, LONGEST_SECONDS)
                self._now[account] = kind, now + seconds
                self.had[kind] += 1

    def of(self, account: str) -> str:
        """Return the trouble of an account; empty if it has none."""
        kind, until = self._now.get(account, ("", 0.0))
        if kind and until <= self.fake.clock.now():
            del self._now[account]
            kind = ""
        return kind

    def end(self) -> None:
        """End all troubles."""
        self._now.clear()

    def answer(self, request: httpx.Request, account: str, handle: Answer) -> httpx.Response:
        """Answer a request of an account, as its trouble wants it."""
        is_submit = request.method == "POST" and request.url.path.endswith("video-synthesis")
        is_list = request.method == "GET" and request.url.path.rstrip("/").endswith("/tasks")
        match self.of(account):
            case "outage":
                raise httpx.ConnectError("no route to host", request=request)
            case "wrong key":
                return httpx.Response(401, json={"code": "InvalidApiKey", "message": "Invalid API-key provided."})
            case "bill" if is_submit:
                return httpx.Response(400, json={"code": "Arrearage", "message": "Access denied."})
            case "throttled" if is_submit:
                return httpx.Response(429, json={"code": "Throttling.RateQuota", "message": "Too many requests."})
            case "empty list" if is_list:
                page = {"total": 0, "data": [], "total_page": 1, "page_no": 1, "page_size": 50}
                return httpx.Response(200, json={"request_id": "none", **page})
            case "late list" if is_list:
                return self._late(request, handle)
            case kind if kind in LIES and is_submit and self.rng.random() < CHANCE_OF_A_LOST_REPLY:
                handle(request)
                raise httpx.ReadTimeout("no reply", request=request)
        return handle(request)

    def _late(self, request: httpx.Request, handle: Answer) -> httpx.Response:
        vendor = self.fake.vendor
        usual, vendor.switches = vendor.switches, replace(vendor.switches, list_lag=LIE_SECONDS)
        try:
            return handle(request)
        finally:
            vendor.switches = usual

"""Events for tasks that have ended, as Alibaba's EventBridge posts them to an HTTP target.

There is one rule at a time. No event is sent while a request is answered: due events are sent afterwards.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any

import httpx

from fake_dashscope import ids
from fake_dashscope.listing import numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from fake_dashscope.task import Task

    Post = Callable[[str, Mapping[str, str], bytes], int]

SOURCE = "acs.dashscope"
TYPE = "dashscope:System:AsyncTaskFinish"
MODES = {
    "once": "each event once",
    "twice": "each event twice, the second 2 s after the first",
    "late": "each event once, 600 s after the task ended",
    "never": "no event: all are lost",
}
LATE_SECONDS, SOON_SECONDS, AGAIN_SECONDS = 600.0, 1.0, 2.0
# EventBridge's BACKOFF_RETRY: three retries, 10 to 20 s apart.
TRIES, RETRY_SECONDS = 4, 15.0
TIMEOUT_SECONDS = 10.0
OK = range(200, 300)


class BadRuleError(ValueError):
    """An invalid rule; the message says what is allowed."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Where events go, with which headers, and how reliably.

    ``delay_seconds`` are simulated seconds from a task's end to its first event.
    """

    url: str
    headers: Mapping[str, str]
    mode: str
    delay_seconds: float


@dataclass(frozen=True, slots=True)
class Notice:
    """One event to send; ``due`` is in simulated seconds since the epoch."""

    task_id: str
    body: bytes
    rule: Rule
    due: float
    tried: int = 0


def read_rule(document: Any) -> Rule:  # noqa: ANN401 - JSON
    """Read a rule; raises ``BadRuleError`` if it is invalid."""
    if not isinstance(document, dict) or set(document) - {"url", "headers", "mode", "delay_seconds"}:
        raise BadRuleError("a rule must be an object; allowed: url, headers, mode, delay_seconds")
    mode, headers = document.get("mode", "once"), document.get("headers", {})
    if mode not in MODES:
        raise BadRuleError(f"invalid mode {mode!r}; allowed: {', '.join(MODES)}")
    if not str(document.get("url", "")).startswith(("http://", "https://")):
        raise BadRuleError("url is missing or invalid; allowed: http://... or https://...")
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise BadRuleError("headers must be an object of strings")
    delay = document.get("delay_seconds", LATE_SECONDS if mode == "late" else SOON_SECONDS)
    if not isinstance(delay, int | float) or isinstance(delay, bool) or delay < 0:
        raise BadRuleError(f"invalid delay_seconds {delay!r}; allowed: a number of simulated seconds, minimum 0")
    return Rule(document["url"], headers, mode, delay)


def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
    """Post an event; returns the status of the response, or 0 if there was none."""
    typed = {"content-type": "application/json;charset=utf-8", **headers}
    try:
        return httpx.post(url, headers=typed, content=body, timeout=TIMEOUT_SECONDS).status_code
    except httpx.TransportError:
        return 0


@dataclass(slots=True)
class Notices:
    """The rule, the waiting events, and those sent. Not thread-safe: its owner holds a lock."""

    rng: Random
    rule: Rule | None = None
    waiting: list[Notice] = field(default_factory=list)
    sending: int = 0
    """The number of events that are being sent right now."""
    sent: list[dict[str, Any]] = field(default_factory=list)

    def clear(self) -> None:
        """Forget the rule and all events."""
        self.rule = None
        self.waiting.clear()
        self.sent.clear()

    def ended(self, task: Task) -> None:
        """Queue the events of a task that ended at ``task.ended``, however late that is noticed."""
        if self.rule is None or self.rule.mode == "never":
            return
        first = Notice(task.id, self._event(task), self.rule, task.ended + self.rule.delay_seconds)
        second = [replace(first, due=first.due + AGAIN_SECONDS)] if self.rule.mode == "twice" else []
        self.waiting += [first, *second]

    def due(self, now: float) -> list[Notice]:
        """Return the due events, oldest first; the sender reports each with ``answered``."""
        found = sorted((notice for notice in self.waiting if notice.due <= now), key=lambda notice: notice.due)
        self.waiting = [notice for notice in self.waiting if notice.due > now]
        self.sending += len(found)
        return found

    def next_due(self) -> float:
        """Return when the next event is due; infinity if none waits."""
        return min((notice.due for notice in self.waiting), default=inf)

    def answered(self, notice: Notice, status: int, now: float) -> None:
        """Record a response, and queue the event again if it was not a 2xx."""
        self.sending -= 1
        self.sent.append({"task_id": notice.task_id, "status": status, "at": now})
        if status not in OK and notice.tried + 1 < TRIES:
            self.waiting.append(replace(notice, due=now + RETRY_SECONDS, tried=notice.tried + 1))

    def view(self) -> dict[str, Any]:
        """Return the rule, the number of waiting events, and the events sent."""
        rule = self.rule and {"url": self.rule.url, "mode": self.rule.mode, "delay_seconds": self.rule.delay_seconds}
        return {"rule": rule, "waiting": len(self.waiting) + self.sending, "sent": [*self.sent]}

    def _event(self, task: Task) -> bytes:
        key_id, uid = numbers(task.account)
        times = {"start_time": ids.plain_time(task.scheduled), "end_time": ids.plain_time(task.ended)}
        entry = task.entry(key_id, uid)
        context = {name: entry[name] for name in ("user_api_unique_key", "region", "request_id", "api_key_id")}
        status = {"task_id": task.id, "task_status": task.status, "contain_result": False}
        event = {
            "id": ids.task_id(self.rng),
            "source": SOURCE,
            "type": TYPE,
            "specversion": "1.0",
            "time": ids.utc_time(task.ended),
            "datacontenttype": "application/json;charset=utf-8",
            "aliyunaccountid": uid,
            "aliyunoriginalaccountid": uid,
            "aliyunregionid": task.account.region,
            "aliyuneventbusname": "default",
            "aliyunpublishtime": ids.utc_time(task.ended),
            "data": {**status, **times, **context},
        }
        return json.dumps(event).encode()

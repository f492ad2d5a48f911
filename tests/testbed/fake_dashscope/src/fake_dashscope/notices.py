"""Events that say that a task has ended, as Alibaba's EventBridge posts them to an HTTP target (the fact sheet §8).

One rule at a time. Nothing is sent while the fake answers somebody: what is due is handed out, and sent afterwards.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
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
    "twice": "each event twice, the second a moment after the first",
    "late": "each event once, when polling has long found the end",
    "never": "none: all are lost",
}
LATE_SECONDS, SOON_SECONDS, AGAIN_SECONDS = 600.0, 1.0, 2.0
# EventBridge's BACKOFF_RETRY: three more tries, 10 to 20 s apart.
TRIES, RETRY_SECONDS = 4, 15.0
TIMEOUT_SECONDS = 10.0
OK = range(200, 300)


class BadRuleError(ValueError):
    """A rule that the fake cannot follow; the message says what can be."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Where events go, with which headers, and how badly; ``delay_seconds`` is from a task's end to the first."""

    url: str
    headers: Mapping[str, str]
    mode: str
    delay_seconds: float


@dataclass(frozen=True, slots=True)
class Notice:
    """One event on its way; ``due`` is simulated seconds since the epoch."""

    task_id: str
    body: bytes
    rule: Rule
    due: float
    tried: int = 0


def read_rule(document: Any) -> Rule:  # noqa: ANN401 - JSON
    """Read a rule; raises ``BadRuleError`` for anything that it cannot be."""
    if not isinstance(document, dict) or set(document) - {"url", "headers", "mode", "delay_seconds"}:
        raise BadRuleError("a rule is an object with url, headers, mode and delay_seconds, and nothing else")
    mode, headers = document.get("mode", "once"), document.get("headers", {})
    if mode not in MODES:
        raise BadRuleError(f"mode is one of {', '.join(MODES)}")
    if not str(document.get("url", "")).startswith(("http://", "https://")):
        raise BadRuleError("url is where the events go: http://... or https://...")
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise BadRuleError("headers are an object of strings")
    delay = document.get("delay_seconds", LATE_SECONDS if mode == "late" else SOON_SECONDS)
    if not isinstance(delay, int | float) or isinstance(delay, bool) or delay < 0:
        raise BadRuleError("delay_seconds is a number of simulated seconds, not below 0")
    return Rule(document["url"], headers, mode, delay)


def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
    """Post an event; gives the status of the answer, or 0 where there was none."""
    typed = {"content-type": "application/json;charset=utf-8", **headers}
    try:
        return httpx.post(url, headers=typed, content=body, timeout=TIMEOUT_SECONDS).status_code
    except httpx.TransportError:
        return 0


@dataclass(slots=True)
class Notices:
    """The rule, what is on its way, and what has been sent. Not thread-safe: its owner holds a lock."""

    rng: Random
    rule: Rule | None = None
    waiting: list[Notice] = field(default_factory=list)
    going: int = 0
    """How many are being sent just now."""
    sent: list[dict[str, Any]] = field(default_factory=list)

    def clear(self) -> None:
        """Forget all."""
        self.rule = None
        self.waiting.clear()
        self.sent.clear()

    def ended(self, task: Task) -> None:
        """Take note that a task has ended: at ``task.ended``, whenever it is noticed."""
        if self.rule is None or self.rule.mode == "never":
            return
        first = Notice(task.id, self._event(task), self.rule, task.ended + self.rule.delay_seconds)
        second = [replace(first, due=first.due + AGAIN_SECONDS)] if self.rule.mode == "twice" else []
        self.waiting += [first, *second]

    def due(self, now: float) -> list[Notice]:
        """Hand out what is to be sent by now, in its order; whoever sends it says what came of it."""
        found = sorted((notice for notice in self.waiting if notice.due <= now), key=lambda notice: notice.due)
        self.waiting = [notice for notice in self.waiting if notice.due > now]
        self.going += len(found)
        return found

    def answered(self, notice: Notice, status: int, now: float) -> None:
        """Record an answer, and send the event again where it was none of success."""
        self.going -= 1
        self.sent.append({"task_id": notice.task_id, "status": status, "at": now})
        if status not in OK and notice.tried + 1 < TRIES:
            self.waiting.append(replace(notice, due=now + RETRY_SECONDS, tried=notice.tried + 1))

    def view(self) -> dict[str, Any]:
        """Show the rule, how many events wait, and what was sent."""
        rule = self.rule and {"url": self.rule.url, "mode": self.rule.mode, "delay_seconds": self.rule.delay_seconds}
        return {"rule": rule, "waiting": len(self.waiting) + self.going, "sent": [*self.sent]}

    def _event(self, task: Task) -> bytes:
        key_id, uid = numbers(task.account)
        times = {"start_time": ids.plain_time(task.scheduled), "end_time": ids.plain_time(task.ended)}
        entry = task.entry(key_id, uid)
        told = {name: entry[name] for name in ("user_api_unique_key", "region", "request_id", "api_key_id")}
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
            "data": {**status, **times, **told},
        }
        return json.dumps(event).encode()

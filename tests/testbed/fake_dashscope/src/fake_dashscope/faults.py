"""Faults that are asked for by name: which there are, and which are armed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fake_dashscope.errors import CODES

if TYPE_CHECKING:
    from random import Random

STALL_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault: what it does, and the options it takes with their defaults."""

    meaning: str
    options: dict[str, Any] = field(default_factory=dict)
    after_accept: bool = False


STALLS = {"seconds": STALL_SECONDS}
THROTTLES = {"code": "Throttling.RateQuota", "message": ""}

_REPLIES = {
    "drop": Kind("the connection is closed without a reply"),
    "stall": Kind("no reply for `seconds` of simulated time, then the connection is closed", STALLS),
    "500": Kind("HTTP 500 `InternalError`"),
    "429": Kind("HTTP 429 with `code`, without `Retry-After`", THROTTLES),
    "malformed": Kind("HTTP 200 whose JSON body breaks off"),
    "error": Kind("the HTTP status that belongs to `code`, with `code` and `message`", {"code": "", "message": ""}),
}

KINDS: dict[str, dict[str, Kind]] = {
    "submit": {
        "drop_after_accept": Kind("the task is created, then the connection is closed without a reply", {}, True),
        "drop_before_accept": Kind("the connection is closed without a reply, no task is created"),
        "500_after_accept": Kind("the task is created, the reply is HTTP 500 `InternalError`", {}, True),
        "502_html": Kind("HTTP 502 with an HTML page from a gateway, no task is created"),
        "stall_after_accept": Kind(
            "the task is created, then no reply for `seconds` of simulated time and the connection is closed",
            STALLS,
            True,
        ),
        "unreadable_200": Kind("the task is created, the HTTP 200 carries a body that is not JSON", {}, True),
        "429": Kind("HTTP 429 with `code`, without `Retry-After`; no task is created", THROTTLES),
        "error": Kind(
            "the HTTP status that belongs to `code`, with `code` and `message`; no task is created",
            {"code": "", "message": ""},
        ),
    },
    "query": {
        **{name: kind for name, kind in _REPLIES.items() if name != "error"},
        "unknown": Kind("HTTP 200 with `task_status` UNKNOWN, as for a task of another account"),
        "error": _REPLIES["error"],
    },
    "cancel": _REPLIES,
    "list": {
        **_REPLIES,
        "empty": Kind("HTTP 200 with no task in it"),
    },
    "upload": _REPLIES,
    "download": {
        "truncate": Kind("all of the headers, half of the body, then the connection is closed"),
        "stall": Kind(
            "half of the body, nothing for `seconds` of simulated time, then the connection is closed", STALLS
        ),
        "403_expired": Kind("HTTP 403 with the XML of an expired URL"),
        "500": Kind("HTTP 500 with the XML of an internal error"),
        "no_content_length": Kind("the video without `Content-Length`, chunked"),
        "wrong_bytes": Kind("HTTP 200 `video/mp4` of the right length whose bytes are no video"),
    },
    "task": {
        "fail": Kind("the task ends FAILED with `code` and `message`", {"code": "InternalError.Algo", "message": ""}),
        "fail_without_detail": Kind("the task ends FAILED without `code` and `message`"),
        "succeed_without_url": Kind("the task ends SUCCEEDED, is billed, and has no `video_url`"),
        "never_ends": Kind("the task stays RUNNING until its id expires"),
        "times_out": Kind("the task ends FAILED with `InternalError.Timeout` after the vendor's three hours"),
        "result_size": Kind(
            "the result is padded to `bytes`, with an MP4 `free` box that is made as it is sent",
            {"bytes": 0},
        ),
    },
}


class BadFaultError(ValueError):
    """A fault that cannot be armed; the message lists what is allowed."""


@dataclass(slots=True, eq=False)
class Fault:
    """One armed fault: it strikes the next ``times`` requests of its kind, or each one with probability ``rate``.

    ``times`` is None for a rate without an end.
    """

    on: str
    kind: str
    times: int | None = 1
    rate: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def after_accept(self) -> bool:
        """Whether it needs an accepted submit to strike."""
        return KINDS[self.on][self.kind].after_accept

    def view(self) -> dict[str, Any]:
        """Show it as the control path does."""
        return {"on": self.on, "kind": self.kind, "times": self.times, "rate": self.rate, **self.options}


class Faults:
    """The armed faults, each kind of request in the order of arming."""

    def __init__(self, rng: Random) -> None:
        """Draw rates from ``rng``."""
        self._rng = rng
        self._armed: dict[str, list[Fault]] = {on: [] for on in KINDS}

    def arm(self, fault: Fault) -> None:
        """Arm one more fault."""
        self._armed[fault.on].append(fault)

    def draw(self, on: str) -> Fault | None:
        """Give the fault that strikes this request, if any, and count it."""
        for fault in self._armed.get(on, ()):
            if fault.rate < 1.0 and self._rng.random() >= fault.rate:
                continue
            if fault.times is not None:
                fault.times -= 1
                if not fault.times:
                    self._armed[on].remove(fault)
            return fault
        return None

    def give_back(self, fault: Fault) -> None:
        """Take back the last count of a fault that found no accepted submit to strike."""
        if fault.times is None:
            return
        fault.times += 1
        if fault not in self._armed[fault.on]:
            self._armed[fault.on].insert(0, fault)

    def clear(self) -> None:
        """Disarm all."""
        for armed in self._armed.values():
            armed.clear()

    def view(self) -> list[dict[str, Any]]:
        """Show what is armed."""
        return [fault.view() for armed in self._armed.values() for fault in armed]


def read_fault(document: object) -> Fault:
    """Read ``{"on", "kind", "times" | "rate", options…}``; raises ``BadFaultError``."""
    if not isinstance(document, dict):
        raise BadFaultError('a fault is a JSON object such as {"on": "submit", "kind": "429", "times": 1}')
    on, kind = document.get("on"), document.get("kind")
    if not isinstance(on, str) or on not in KINDS:
        raise BadFaultError(f"unknown on {on!r}; allowed: {', '.join(KINDS)}")
    if not isinstance(kind, str) or kind not in KINDS[on]:
        raise BadFaultError(f"unknown kind {kind!r} on {on}; allowed: {', '.join(KINDS[on])}")
    given = {key: value for key, value in document.items() if key not in {"on", "kind", "times", "rate"}}
    options = _options(KINDS[on][kind], kind, given)
    rate = _rate(document.get("rate", 1.0))
    times = document.get("times", None if "rate" in document else 1)
    if times is not None and (type(times) is not int or times < 1):
        raise BadFaultError(f"times is {times!r}; allowed: a whole number from 1 on")
    return Fault(on, kind, times, rate, options)


def _rate(rate: object) -> float:
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= 1:
        raise BadFaultError(f"rate is {rate!r}; allowed: a number above 0, up to 1")
    return float(rate)


def _options(kind: Kind, name: str, given: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(given) - set(kind.options))
    if unknown:
        raise BadFaultError(f"unknown option {unknown[0]!r} of {name}; allowed: {', '.join(kind.options) or 'none'}")
    for option, value in given.items():
        _check_option(name, option, value)
    if name == "error" and "code" not in given:
        raise BadFaultError(f"error needs a code; allowed: {', '.join(CODES)}")
    return {**kind.options, **given}


def _check_option(name: str, option: str, value: object) -> None:
    if option in {"seconds", "bytes"}:
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise BadFaultError(f"{option} is {value!r}; allowed: a number from 0 on")
    elif not isinstance(value, str):
        raise BadFaultError(f"{option} is {value!r}; allowed: a string")
    elif name == "429" and option == "code" and CODES.get(value, (0, ""))[0] != 429:
        allowed = ", ".join(code for code, (status, _) in CODES.items() if status == 429)
        raise BadFaultError(f"code is {value!r}; allowed: {allowed}")
    elif name == "error" and option == "code" and value not in CODES:
        raise BadFaultError(f"code is {value!r}; allowed: {', '.join(CODES)}")

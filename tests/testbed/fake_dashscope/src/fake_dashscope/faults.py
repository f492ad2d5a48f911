"""The faults that a test can arm, and those that are armed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fake_dashscope.errors import CODES

if TYPE_CHECKING:
    from random import Random

STALL_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault: its effect, and its options with their defaults."""

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
    "malformed": Kind("HTTP 200 with a truncated JSON body"),
    "error": Kind("the HTTP status of `code`, with `code` and `message`", {"code": "", "message": ""}),
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
        "unreadable_200": Kind("the task is created, the reply is HTTP 200 with a body that is not JSON", {}, True),
        "429": Kind("HTTP 429 with `code`, without `Retry-After`; no task is created", THROTTLES),
        "error": Kind(
            "the HTTP status of `code`, with `code` and `message`; no task is created",
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
        "empty": Kind("HTTP 200 with an empty list"),
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
        "wrong_bytes": Kind("HTTP 200 `video/mp4` of the right length with bytes that are not a video"),
    },
    "task": {
        "fail": Kind("the task ends FAILED with `code` and `message`", {"code": "InternalError.Algo", "message": ""}),
        "fail_without_detail": Kind("the task ends FAILED without `code` and `message`"),
        "succeed_without_url": Kind("the task ends SUCCEEDED and is billed, without a `video_url`"),
        "never_ends": Kind("the task stays RUNNING until its id expires"),
        "times_out": Kind("the task ends FAILED with `InternalError.Timeout` after three hours"),
        "result_size": Kind(
            "the result is padded to `bytes` with an MP4 `free` box, generated while it is sent",
            {"bytes": 0},
        ),
    },
}


class BadFaultError(ValueError):
    """An invalid fault; the message lists what is allowed."""


@dataclass(slots=True, eq=False)
class Fault:
    """One armed fault: it hits the next ``times`` requests of its kind, or each one with probability ``rate``.

    ``times`` is None for a rate without an end.
    """

    on: str
    kind: str
    times: int | None = 1
    rate: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def after_accept(self) -> bool:
        """Whether it needs an accepted submit."""
        return KINDS[self.on][self.kind].after_accept

    def view(self) -> dict[str, Any]:
        """Return it as the control path shows it."""
        return {"on": self.on, "kind": self.kind, "times": self.times, "rate": self.rate, **self.options}


class Faults:
    """The armed faults, in the order of arming per kind of request."""

    def __init__(self, rng: Random) -> None:
        """Draw the chances of rates from ``rng``."""
        self._rng = rng
        self._armed: dict[str, list[Fault]] = {on: [] for on in KINDS}

    def arm(self, fault: Fault) -> None:
        """Arm a fault."""
        self._armed[fault.on].append(fault)

    def draw(self, on: str) -> Fault | None:
        """Return the fault that hits this request, if any, and count it."""
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
        """Undo the last count of a fault whose submit was not accepted."""
        if fault.times is None:
            return
        fault.times += 1
        if fault not in self._armed[fault.on]:
            self._armed[fault.on].insert(0, fault)

    def clear(self) -> None:
        """Disarm all faults."""
        for armed in self._armed.values():
            armed.clear()

    def view(self) -> list[dict[str, Any]]:
        """Return the armed faults as the control path shows them."""
        return [fault.view() for armed in self._armed.values() for fault in armed]


def read_fault(document: object) -> Fault:
    """Read ``{"on", "kind", "times" | "rate", options…}``; raises ``BadFaultError``."""
    if not isinstance(document, dict):
        raise BadFaultError('a fault must be a JSON object such as {"on": "submit", "kind": "429", "times": 1}')
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
        raise BadFaultError(f"invalid times {times!r}; allowed: an integer, minimum 1")
    return Fault(on, kind, times, rate, options)


def _rate(rate: object) -> float:
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= 1:
        raise BadFaultError(f"invalid rate {rate!r}; allowed: a number above 0, maximum 1")
    return float(rate)


def _options(kind: Kind, name: str, given: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(given) - set(kind.options))
    if unknown:
        raise BadFaultError(f"unknown option {unknown[0]!r} of {name}; allowed: {', '.join(kind.options) or 'none'}")
    for option, value in given.items():
        _check_option(name, option, value)
    if name == "error" and "code" not in given:
        raise BadFaultError(f"code is required; allowed: {', '.join(CODES)}")
    return {**kind.options, **given}


def _check_option(name: str, option: str, value: object) -> None:
    if option in {"seconds", "bytes"}:
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise BadFaultError(f"invalid {option} {value!r}; allowed: a number, minimum 0")
    elif not isinstance(value, str):
        raise BadFaultError(f"invalid {option} {value!r}; allowed: a string")
    elif name == "429" and option == "code" and CODES.get(value, (0, ""))[0] != 429:
        allowed = ", ".join(code for code, (status, _) in CODES.items() if status == 429)
        raise BadFaultError(f"invalid code {value!r}; allowed: {allowed}")
    elif name == "error" and option == "code" and value not in CODES:
        raise BadFaultError(f"invalid code {value!r}; allowed: {', '.join(CODES)}")

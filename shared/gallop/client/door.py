"""Requests to Gallop's HTTPS door: the key is sent there only, and what is safe to repeat is repeated."""

from __future__ import annotations

import json
import os
import random
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from gallop import __version__
from gallop.client import replies
from gallop.client.effects import Call, Pause, Reply
from gallop.client.errors import Refused, Unknown, Unreachable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gallop.client.effects import Flow

TRIES = 5
# A refusal that lasts longer is for the caller to decide about.
MAX_PAUSE_SECONDS = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0
# What was certainly not sent.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
_LOCAL = ("localhost", "127.0.0.1", "::1")
_KEY = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Door:
    """The address of a stack (its ``ApiUrl``), and a key of its HTTPS door."""

    url: str
    key: str = field(repr=False)

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Call:
        """Return a request with the key, whose body is JSON."""
        sent = {"Authorization": f"Bearer {self.key}", "User-Agent": f"gallop-client/{__version__}", **(headers or {})}
        if body is None:
            return Call(method, self.url + path, sent)
        sent["Content-Type"] = "application/json"
        return Call(method, self.url + path, sent, json.dumps(body, allow_nan=False).encode())


def opened(url: str | None, key: str | None) -> Door:
    """Return the door at an address, by default that of GALLOP_URL with the key GALLOP_KEY.

    Raises:
        ValueError: the address or the key is missing, or cannot be used.

    """
    url = (url or os.environ.get("GALLOP_URL") or "").strip().rstrip("/")
    key = (key or os.environ.get("GALLOP_KEY") or "").strip()
    if not url:
        raise ValueError("Address missing. Pass url=..., or set GALLOP_URL to the stack's ApiUrl.")
    if not key:
        raise ValueError("API key missing. Pass key=..., or set GALLOP_KEY.")
    if not _KEY.fullmatch(key):
        raise ValueError("The API key has characters that no key has. Copy it again, from `gallop keys create`.")
    parts = urlsplit(url)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)):
        raise ValueError("The address must begin with https://, so that nobody can read the key on its way.")
    return Door(url, key)


def ask(call: Call, *, is_change: bool = False) -> Flow[Reply]:
    """Make a request, again and again if it is lost; return an answer of status 2xx or 3xx.

    Raises:
        Unreachable: no answer came; and if ``is_change``, no try reached the door.
        Unknown: no answer came to a request that ``is_change`` and may have reached the door.
        Refused: the answer has a status 4xx, or says that the operator accepts no new jobs.

    """
    reply, is_unknown = None, False
    for attempt in range(1, TRIES + 1):
        pause = _backoff(attempt)
        try:
            reply = yield call
        except httpx.RequestError as error:
            reply, is_unknown = None, is_unknown or not isinstance(error, _NOT_SENT)
        if reply is not None:
            if not _is_temporary(reply):
                return _accepted(reply)
            is_unknown |= reply.status >= replies.SERVER_ERROR and not replies.is_draining(reply)
            pause = max(pause, replies.retry_after(reply) or 0.0)
        if attempt == TRIES or pause > MAX_PAUSE_SECONDS:
            break
        yield Pause(pause)
    raise _given_up(call, reply, is_unknown=is_unknown and is_change)


def _is_temporary(reply: Reply) -> bool:
    return reply.status == replies.TOO_MANY or reply.status >= replies.SERVER_ERROR


def _accepted(reply: Reply) -> Reply:
    if reply.status < httpx.codes.BAD_REQUEST:
        return reply
    raise replies.refusal(reply)


def _given_up(call: Call, reply: Reply | None, *, is_unknown: bool) -> Unreachable | Unknown | Refused:
    host = urlsplit(call.url).hostname
    if is_unknown:
        return Unknown(f"{host} gave no answer to a request that it may have received. Repeat the same call.")
    if reply is not None and (reply.status == replies.TOO_MANY or replies.is_draining(reply)):
        return replies.refusal(reply)
    if reply is not None:
        return Unreachable(f"{host} is not available (status {reply.status}). Repeat the call later.")
    return Unreachable(f"{host} could not be reached. Check the address and the network, then repeat the call.")


def _backoff(attempt: int) -> float:
    """Return seconds to wait after a try: random, so that many clients do not come back together."""
    longest = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)
    return random.uniform(_FIRST_PAUSE, longest)  # noqa: S311 - no secret

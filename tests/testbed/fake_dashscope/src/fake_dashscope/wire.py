"""Replies in the format of DashScope's gateway, and connections that break."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

from fake_dashscope import ids

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from random import Random

    from fake_dashscope.errors import VendorError

GATEWAY_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)


class Dropped(httpx.RemoteProtocolError):
    """The connection was closed without a (whole) reply."""


class Stalled(httpx.ReadTimeout):
    """Nothing arrives for ``seconds`` of simulated time, then the connection is closed."""

    def __init__(self, seconds: float) -> None:
        """Stall for ``seconds`` of simulated time."""
        super().__init__("The read operation timed out")
        self.seconds = seconds


def dropped() -> Dropped:
    """Return the exception that httpx raises for a connection closed instead of a reply."""
    return Dropped("Server disconnected without sending a response.")


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response body that is generated while it is read, for sync and async clients."""

    def __init__(self, chunks: Callable[[], Iterator[bytes]]) -> None:
        """Call ``chunks`` each time the body is read."""
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        """Yield the chunks."""
        return self._chunks()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the chunks."""
        for chunk in self._chunks():
            yield chunk


def gateway_headers(rng: Random, request_id: str, now: float, content_type: str) -> dict[str, str]:
    """Return the headers that DashScope's gateway sends."""
    cost = rng.randint(6, 48)
    return {
        "content-type": content_type,
        "date": ids.http_date(now),
        "x-request-id": request_id,
        "x-dashscope-call-gateway": "true",
        "req-cost-time": str(cost),
        "req-arrive-time": str(ids.milliseconds(now)),
        "resp-start-time": str(ids.milliseconds(now) + cost),
        "x-envoy-upstream-service-time": str(cost - 2),
        "server": "istio-envoy",
    }


def encode(document: dict[str, Any]) -> bytes:
    """Encode JSON as DashScope does: compact, without escapes."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def refusal(error: VendorError, request_id: str) -> dict[str, Any]:
    """Return the body of an error reply."""
    return {"code": error.code, "message": error.message, "request_id": request_id}

"""The fake over HTTP: the same object behind a real socket, with broken connections as closed sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from fake_dashscope.wire import Stalled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from fake_dashscope.core import FakeDashScope

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

LARGE_BODY = 256 * 1024
TICK_SECONDS = 0.05
STALL_STEP = 0.02


@dataclass(slots=True)
class Face:
    """An ASGI application for a fake; it finds the socket to close by the caller's address."""

    fake: FakeDashScope
    stopping: threading.Event = field(default_factory=threading.Event)
    sockets: dict[Any, asyncio.Transport] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = _request(scope, await _body(receive))
        try:
            response = await self._handle(request)
            await self._send(response, send, scope["client"])
        except httpx.TransportError as broken:
            if isinstance(broken, Stalled):
                await self._stall(broken.seconds)
            if connection := self.sockets.get(scope["client"]):
                connection.close()
            while (await receive())["type"] != "http.disconnect":
                pass

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        quick = request.url.path.startswith(("/api/", "/__fake__/")) and len(request.content) < LARGE_BODY
        return self.fake.handle(request) if quick else await asyncio.to_thread(self.fake.handle, request)

    async def _send(self, response: httpx.Response, send: Send, caller: object) -> None:
        headers = [(name.lower(), value) for name, value in response.headers.raw]
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        if response.is_closed:
            await send({"type": "http.response.body", "body": response.content})
            return
        chunks = response.iter_raw()
        while (chunk := await asyncio.to_thread(next, chunks, b"")) and caller in self.sockets:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})

    async def _stall(self, seconds: float) -> None:
        clock = self.fake.clock
        until = clock.now() + seconds
        while clock.now() < until and not self.stopping.is_set():  # noqa: ASYNC110  no event follows a simulated clock
            await asyncio.sleep(STALL_STEP)


async def _body(receive: Receive) -> bytes:
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _request(scope: Scope, body: bytes) -> httpx.Request:
    headers = scope["headers"]
    host = next((value for name, value in headers if name == b"host"), b"localhost")
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    url = httpx.URL(f"{scope['scheme']}://{host.decode()}", raw_path=target)
    return httpx.Request(scope["method"], url, headers=headers, content=body)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. ``url`` has no path; the API is under ``api_url``."""

    url: str

    @property
    def api_url(self) -> str:
        """The base URL for DashScope clients."""
        return f"{self.url}/api/v1"


@contextmanager
def serve(fake: FakeDashScope, host: str = "127.0.0.1", port: int = 0) -> Iterator[Server]:
    """Serve a fake over HTTP inside the block; port 0 picks a free one."""
    listener = _listen(host, port)
    face = Face(fake)
    server = uvicorn.Server(_config(face))
    loop_thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="fake-dashscope")
    stop = threading.Event()
    ticker = threading.Thread(target=_tick, args=(fake, stop), name="fake-dashscope-tick")
    with fake.background():
        loop_thread.start()
        ticker.start()
        try:
            yield Server(f"http://{host}:{listener.getsockname()[1]}")
        finally:
            stop.set()
            face.stopping.set()
            fake.vendor.abandon()
            server.should_exit = True
            loop_thread.join()
            ticker.join()
            listener.close()


def _listen(host: str, port: int) -> socket.socket:
    """Bind a socket that names its protocol; only then does asyncio switch off Nagle's delay."""
    family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)[
        0
    ]
    listener = socket.socket(family, kind, proto)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    listener.listen()
    return listener


def _tick(fake: FakeDashScope, stop: threading.Event) -> None:
    while not stop.wait(TICK_SECONDS):
        fake.tick()


def _config(face: Face) -> uvicorn.Config:
    class Protocol(H11Protocol):
        """Keeps its socket under the caller's address."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            face.sockets[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            face.sockets.pop(self.client, None)
            super().connection_lost(exc)

    return uvicorn.Config(
        face,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=3600,
        timeout_graceful_shutdown=2,
    )

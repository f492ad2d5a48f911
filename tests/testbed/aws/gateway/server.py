"""The HTTP API's server: an ASGI application under uvicorn, on its own thread."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import TYPE_CHECKING, Any

import uvicorn

from .api import MAX_BODY_BYTES
from .messages import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from .api import HttpApi

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

_THREADS = 128
_STOP_S = 5.0
_BACKLOG = 512
# Longer than a client keeps an idle connection under load: closing one just as it is reused looks like an outage.
_IDLE_S = 60


class GatewayServer:
    """Serves an HTTP API on a port that is bound from the start, so that its address is known before it runs."""

    def __init__(self, port: int) -> None:
        """Bind the port; 0 means any free one."""
        self._socket = _listen(port)
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="gateway")
        self._server: uvicorn.Server | None = None
        self._thread: Thread | None = None
        self._apis: list[HttpApi] = []

    @property
    def url(self) -> str:
        """The URL of the API, without a trailing slash."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def start(self, api: HttpApi) -> None:
        """Serve the API, in place of the one that is served so far."""
        self._apis.append(api)
        if self._server is not None:
            return
        config = uvicorn.Config(
            self._application,
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            # The API adds one of its own time.
            date_header=False,
            timeout_keep_alive=_IDLE_S,
            proxy_headers=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._server.run, args=([self._socket],), name="gateway", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close all connections and the port."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = self._server.force_exit = True
            self._thread.join(_STOP_S)
        for api in self._apis:
            api.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._socket.close()

    async def _application(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = await _read(receive)
        if body is None or not self._apis:
            return
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(self._threads, self._apis[-1].handle, _request(scope, body))
        await _write(send, response, head=scope["method"] == "HEAD")


def _listen(port: int) -> socket.socket:
    """Listen on a socket that names its protocol: asyncio disables Nagle's algorithm for no other."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(_BACKLOG)
    return listener


async def _read(receive: Receive) -> bytes | None:
    """Read a body; anything beyond the limit is read and discarded, so that the client receives the refusal."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part: bytes = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY_BYTES + 1:
            parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts) if size <= MAX_BODY_BYTES else bytes(MAX_BODY_BYTES + 1)


def _request(scope: dict[str, Any], body: bytes) -> HttpRequest:
    client = scope.get("client") or ("127.0.0.1", 0)
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    forwarded = [
        ("x-forwarded-for", client[0]),
        ("x-forwarded-port", str(scope["server"][1])),
        ("x-forwarded-proto", scope["scheme"]),
    ]
    return HttpRequest(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1").partition("?")[0],
        query=scope["query_string"].decode("latin-1"),
        headers=[*headers, *forwarded],
        body=body,
        source_ip=client[0],
        protocol=f"HTTP/{scope['http_version']}",
    )


async def _write(send: Send, response: HttpResponse, *, head: bool) -> None:
    skip = ("content-length", "connection", "transfer-encoding")
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers if name not in skip
    ]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else response.body})

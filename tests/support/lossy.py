"""A way to a server on which replies are lost: the request gets there, and what comes back does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Literal, Self

import httpx

if TYPE_CHECKING:
    from types import TracebackType

Loss = Literal["dropped", "error"]
HOP_BY_HOP = ("connection", "content-length", "host", "transfer-encoding")


@dataclass(slots=True)
class Lossy:
    """Forwards to ``upstream``, and drops the replies to a number of POSTs after they have been answered there."""

    upstream: str
    posts: int = 0
    """How many POSTs came by."""
    sent: list[dict[str, str]] = field(default_factory=list)
    """The headers of each POST, their names in lower case."""
    _losses: list[Loss] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _server: ThreadingHTTPServer = field(init=False)
    _client: httpx.Client = field(init=False)

    def __enter__(self) -> Self:
        """Open."""
        self._client = httpx.Client(base_url=self.upstream, timeout=30)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self._server.shutdown()
        self._server.server_close()
        self._client.close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def lose(self, *losses: Loss) -> None:
        """Lose the next replies to POSTs: close the connection, or say 500 instead."""
        with self._lock:
            self.posts = 0
            self.sent.clear()
            self._losses = list(losses)

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response | None:
        """Ask the server; gives its reply, another one, or none."""
        kept = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
        answer = self._client.request(method, path, headers=kept, content=body)
        if method != "POST":
            return answer
        with self._lock:
            self.posts += 1
            self.sent.append({name.lower(): value for name, value in headers.items()})
            loss = self._losses.pop(0) if self._losses else None
        return {None: answer, "dropped": None, "error": httpx.Response(500, json={"message": "lost"})}[loss]


def _handler(lossy: Lossy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = lossy.forward(self.command, self.path, dict(self.headers), body)
            self.close_connection = True
            if answer is None:
                return
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in (*HOP_BY_HOP, "content-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = _pass_on  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the library's
            """Be quiet."""

    return Handler

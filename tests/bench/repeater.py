"""A server that repeats recorded answers to the same questions."""

from __future__ import annotations

from collections import defaultdict, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING

from tests.bench.recorded_starts import question

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.bench.recorded_starts import Reply


class Repeater(ThreadingHTTPServer):
    """Answers each question with its recorded responses, one after another; the last one as often as it is asked."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a port of its own."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.served = 0
        self._replies: dict[str, deque[Reply]] = {}
        self._lock = Lock()
        Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """The server's address."""
        return f"http://localhost:{self.server_port}"

    def repeat(self, replies: Iterable[Reply]) -> None:
        """Begin with the first of these."""
        found: dict[str, deque[Reply]] = defaultdict(deque)
        for reply in replies:
            found[reply.asked].append(reply)
        with self._lock:
            self._replies, self.served = dict(found), 0

    def reply(self, asked: str) -> Reply:
        """Return the next response to a question."""
        with self._lock:
            replies = self._replies[asked]
            self.served += 1
            return replies.popleft() if len(replies) > 1 else replies[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise the second of two writes waits for 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Repeater

    def _answer(self) -> None:
        body = self._read()
        reply = self.server.reply(question(self.command, dict(self.headers), body))
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def handle_expect_100(self) -> bool:
        """Answer at once: without an answer the sender waits for a second."""
        may_go_on = super().handle_expect_100()
        self.wfile.flush()
        return may_go_on

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                self.rfile.read(size + 2)
            while self.rfile.readline().strip():
                pass
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _answer  # noqa: N815 - the base class names them

    def log_message(self, *_: object) -> None:
        """Log nothing."""

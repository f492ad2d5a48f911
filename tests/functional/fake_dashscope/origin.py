"""A web server on loopback that serves pictures, and shows how a download can go wrong."""

from __future__ import annotations

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

RED, GREEN, BLUE = (200, 30, 30), (30, 160, 60), (30, 60, 200)


def picture(colour: tuple[int, int, int] = RED, size: tuple[int, int] = (800, 600), kind: str = "PNG") -> bytes:
    """Draw a picture of one colour with a white ring in the middle."""
    image = Image.new("RGB", size, colour)
    middle = (size[0] / 2, size[1] / 2)
    ImageDraw.Draw(image).ellipse((middle[0] - 60, middle[1] - 60, middle[0] + 60, middle[1] + 60), outline="white")
    target = io.BytesIO()
    image.save(target, kind)
    return target.getvalue()


PAGES = {
    "/red.png": picture(RED),
    "/green.jpg": picture(GREEN, kind="JPEG"),
    "/blue.webp": picture(BLUE, kind="WEBP"),
    "/portrait.png": picture(GREEN, (600, 900)),
    "/strip.png": picture(RED, (1600, 500)),
    "/small.png": picture(RED, (399, 800)),
    "/tiny.png": picture(RED, (299, 600)),
    "/text.jpg": b"This is a text, whatever its name says.",
    "/moving.gif": picture(RED, kind="GIF"),
    "/cut.png": picture(RED)[:1500],
    "/large.png": picture(RED) + bytes(21 * 1024 * 1024),
}


class Handler(BaseHTTPRequestHandler):
    """Serves ``PAGES``, and a few paths that misbehave."""

    server: _Server

    def do_GET(self) -> None:
        """Answer by path."""
        self.server.methods.append(self.command)
        if self.path == "/silent.png":
            self.server.closing.wait()
            return
        if self.path in {"/forbidden.png", "/broken.png"}:
            self.send_error(403 if self.path == "/forbidden.png" else 500)
            return
        body = PAGES.get("/red.png" if self.path in {"/no-length.png", "/half.png"} else self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        if self.path != "/no-length.png":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path == "/half.png" else body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Write no log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        """Bind a free port."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.methods: list[str] = []
        self.closing = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Ignore callers that hang up."""


class Origin:
    """The server, running inside a ``with`` block."""

    def __enter__(self) -> Self:
        """Start it."""
        self._server = _Server()
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self._server.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def methods(self) -> list[str]:
        """The methods of all requests so far."""
        return self._server.methods

    def add(self, name: str, body: bytes) -> str:
        """Serve one more page; return its URL."""
        PAGES[f"/{name}"] = body
        return self.url(name)

    def url(self, name: str) -> str:
        """Return the URL of a page."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}"

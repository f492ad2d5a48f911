"""An HTTP/1.1 server for a WSGI application: a thread per connection, which serves one request after the other.

Werkzeug's own closes the connection after each response, so that every call pays for a connection and a thread.
"""

from __future__ import annotations

import io
import logging
import socket
import socketserver
import sys
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote, urlsplit

from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from werkzeug.serving import DechunkedInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_LONGEST_LINE = 65_536
_BACKLOG = 512
_BODILESS = ("204", "304")


class _Body(io.RawIOBase):
    """A request's body: as many bytes of the connection as the request says."""

    def __init__(self, connection: BinaryIO, length: int) -> None:
        """Read from a connection."""
        super().__init__()
        self._connection = connection
        self.left = length

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - anything that holds bytes
        """Read into a buffer."""
        view = memoryview(buffer)[: self.left]
        count: int = self._connection.readinto(view) if view else 0  # type: ignore[attr-defined]
        self.left -= count
        return count


@dataclass(slots=True)
class _Request:
    """A request's first line and headers."""

    method: str
    target: str
    version: str
    headers: list[tuple[str, str]]

    def header(self, name: str) -> str:
        """Return a header's value; empty without it."""
        return next((value for one, value in self.headers if one.lower() == name), "")

    def environ(self) -> dict[str, Any]:
        """Return the variables of WSGI that the request itself decides; moto's keep underscores in names."""
        url = urlsplit(self.target)
        path = f"/{url.netloc}{url.path}" if not url.scheme and url.netloc else url.path
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.method,
            "PATH_INFO": unquote(path).encode().decode("latin-1"),
            "QUERY_STRING": url.query,
            "REQUEST_URI": self.target,
            "RAW_URI": self.target,
            "SERVER_PROTOCOL": self.version,
        }
        for name, value in self.headers:
            if "_" not in name:
                key = environ_key_for_header(name)
                environ[key] = f"{environ[key]},{value}" if key in environ else value
        if any("_" in name for name, _ in self.headers):
            self._keep_names(environ)
        return environ

    def _keep_names(self, environ: dict[str, Any]) -> None:
        names: dict[str, str] = {}
        dashed = {environ_key_for_header(name) for name, _ in self.headers if "_" not in name}
        for name, value in self.headers:
            key = environ_key_for_header(name)
            if should_preserve_original_header_name(name) and key not in dashed:
                environ[key] = f"{environ[key]},{value}" if key in names else value
                names.setdefault(key, name)
        environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = names


@dataclass(slots=True)
class _Response:
    """A response on its way to the connection."""

    connection: io.BufferedIOBase
    has_body: bool
    is_kept: bool
    """Whether the connection stays open afterwards."""
    head: bytes = b""
    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:  # noqa: ANN401 - WSGI's
        """Keep status and headers, as WSGI calls it."""
        del exc_info
        self.status, self.headers = status, headers
        return lambda _: None

    def send(self, chunks: Iterable[bytes]) -> None:
        """Send all of it; the head goes with the first part, in one write."""
        names = {name.lower() for name, _ in self.headers}
        if "content-length" not in names:
            content = b"".join(chunks)
            chunks = [content]
            self.headers = [*self.headers, ("Content-Length", str(len(content)))]
        first = self._head()
        for chunk in chunks:
            self.connection.write(first + chunk if self.has_body else first)
            first = b""
        if first:
            self.connection.write(first)
        self.connection.flush()

    def _head(self) -> bytes:
        self.has_body = self.has_body and not self.status.startswith(_BODILESS)
        # Clients of AWS lose an open connection if there is no body to read.
        self.is_kept = self.is_kept and self.has_body and ("Content-Length", "0") not in self.headers
        if not self.is_kept:
            self.headers = [*self.headers, ("Connection", "close")]
        lines = [f"HTTP/1.1 {self.status}", *(f"{name}: {value}" for name, value in self.headers), "", ""]
        return "\r\n".join(lines).encode("latin-1")


class _Connection(socketserver.StreamRequestHandler):
    """A client's connection."""

    disable_nagle_algorithm = True
    wbufsize = 65_536
    server: HttpServer

    def handle(self) -> None:
        """Serve its requests until one side closes it."""
        try:
            while self._serve():
                pass
        except OSError:
            return

    def _serve(self) -> bool:
        request = self._read()
        if request is None:
            return False
        if request.header("expect").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        environ, body = self._environ(request)
        is_kept = _may_be_kept(request) and body is not None
        response = _Response(self.wfile, request.method != "HEAD", is_kept)
        try:
            response.send(self.server.application(environ, response.start))
        except OSError:
            raise
        except Exception:
            logging.getLogger(__name__).exception("%s %s", request.method, request.target)
            response.is_kept = False
            response.start("500 Internal Server Error", [])
            response.send([b""])
        return response.is_kept and body is not None and not body.left

    def _read(self) -> _Request | None:
        line = self.rfile.readline(_LONGEST_LINE).decode("latin-1").split()
        if len(line) != 3:
            return None
        headers = []
        while (field_line := self.rfile.readline(_LONGEST_LINE).strip()) != b"":
            name, _, value = field_line.decode("latin-1").partition(":")
            headers.append((name, value.strip()))
        method, target, version = line
        return _Request(method, target, version, headers)

    def _environ(self, request: _Request) -> tuple[dict[str, Any], _Body | None]:
        """Return the variables of WSGI, and the body if its length is known."""
        host, port = self.server.server_address[:2]
        body: _Body | None = _Body(self.rfile, int(request.header("content-length") or 0))  # type: ignore[arg-type]
        environ = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": body,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "werkzeug.socket": self.connection,
            "SCRIPT_NAME": "",
            "REMOTE_ADDR": self.client_address[0],
            "REMOTE_PORT": self.client_address[1],
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            **request.environ(),
        }
        if "chunked" in request.header("transfer-encoding").lower():
            environ["wsgi.input_terminated"] = True
            environ["wsgi.input"] = DechunkedInput(self.rfile)  # type: ignore[arg-type]
            body = None
        return environ, body


def _may_be_kept(request: _Request) -> bool:
    # Clients read all of an answer to a call. A file, or what a function returned, they may leave unread; then they
    # never close the connection.
    is_call = (request.method, request.target) == ("POST", "/")
    return is_call and request.version == "HTTP/1.1" and request.header("connection").lower() != "close"


class HttpServer(socketserver.ThreadingTCPServer):
    """Serves an application on a port of this machine."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = _BACKLOG

    def __init__(self, port: int, application: WsgiApp) -> None:
        """Bind the port; 0 means any free one."""
        self.application = application
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__(("127.0.0.1", port), _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's
        """Serve a connection on a thread of its own."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - socketserver's
        """Close a connection."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close the port and all connections, which would otherwise stay open as long as their clients."""
        super().server_close()
        with self._lock:
            connections = [*self._open]
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

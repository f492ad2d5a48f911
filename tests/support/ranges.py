"""A host of files on this machine that sends ranges of them, or misbehaves."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Status, headers, body.
Reply = tuple[int, dict[str, str], bytes]


@dataclass(slots=True)
class FileHost:
    """Serves ``content`` under any path; ``reply`` replaces what it sends for a range."""

    url: str
    content: bytes
    reply: Callable[[FileHost, int, int], Reply] | None = None
    ranges: list[tuple[int, int]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)

    def part(self, first: int, last: int) -> Reply:
        """Send a range as the standard says (RFC 9110 §15.3.7)."""
        data = self.content[first : last + 1]
        return 206, {"Content-Range": f"bytes {first}-{first + len(data) - 1}/{len(self.content)}"}, data


@contextmanager
def file_host(content: bytes) -> Iterator[FileHost]:
    """Serve a file, as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            first, last = map(int, re.findall(r"\d+", self.headers["Range"]))
            host.ranges.append((first, last))
            host.headers.append({name.lower(): value for name, value in self.headers.items()})
            host.connections.add(self.client_address[1])
            status, headers, body = host.reply(host, first, last) if host.reply else host.part(first, last)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # the client has what it asked for
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the signature of http.server
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        host = FileHost(f"http://127.0.0.1:{server.server_port}/clips/secret-name.mp4?token=secret-token", content)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield host
        finally:
            server.shutdown()
            thread.join()

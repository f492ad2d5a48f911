"""The HTTP server of the embedded AWS, spoken to byte by byte."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest

from tests.testbed.aws.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def echo(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with what arrived, or break."""
    if environ["PATH_INFO"] == "/break":
        raise ValueError("broken")
    unread = "HTTP_X_UNREAD" in environ
    length = None if "wsgi.input_terminated" in environ else int(environ.get("CONTENT_LENGTH", 0))
    body = b"" if unread else environ["wsgi.input"].read(*([] if length is None else [length]))
    start("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['REQUEST_METHOD']} {environ['RAW_URI']} ".encode(), body]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve it."""
    server = HttpServer(0, echo)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def connected(port: int) -> Iterator[BinaryIO]:
    """Give a connection."""
    with (
        closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection,
        connection.makefile("rwb") as file,
    ):
        yield file  # type: ignore[misc]


def answer(connection: BinaryIO) -> tuple[str, bytes]:
    """Read an answer: its status and its body."""
    status = connection.readline().decode().strip()
    length = 0
    while (line := connection.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return status, connection.read(length)


def send(connection: BinaryIO, *parts: str) -> None:
    """Send a request."""
    connection.write("\r\n".join(parts).encode())
    connection.flush()


def test_a_connection_serves_many_requests(port: int) -> None:
    """A client that keeps its connection pays for it once; bodies do not run into each other."""
    with connected(port) as connection:
        for number in range(3):
            send(connection, "POST / HTTP/1.1", "Content-Length: 5", "", f"hell{number}")
            assert ("HTTP/1.1 200 OK", f"POST / hell{number}".encode()) == answer(connection)


def test_a_body_in_chunks_is_read(port: int) -> None:
    """Clients that do not know the length send chunks."""
    with connected(port) as connection:
        send(connection, "PUT / HTTP/1.1", "Transfer-Encoding: chunked", "", "3", "abc", "2", "de", "0", "", "")
        assert b"PUT / abcde" == answer(connection)[1]


def test_a_client_that_asks_first_is_told_to_go_on(port: int) -> None:
    """S3's clients send a body after ``100 Continue``, or after a long second."""
    with connected(port) as connection:
        send(connection, "PUT / HTTP/1.1", "Expect: 100-continue", "Content-Length: 2", "", "")
        assert b"HTTP/1.1 100 Continue\r\n" == connection.readline()
        assert b"\r\n" == connection.readline()
        send(connection, "ok")
        assert b"PUT / ok" == answer(connection)[1]


@pytest.mark.parametrize(
    "request_lines",
    [
        ("POST / HTTP/1.1", "X-Unread: yes", "Content-Length: 5", "", "hello"),
        ("GET /file?a=b%20c HTTP/1.1", "", ""),
        ("POST / HTTP/1.1", "Connection: close", "", ""),
        ("POST / HTTP/1.0", "", ""),
        ("GET /break HTTP/1.1", "", ""),
    ],
    ids=["a body is left", "a file", "the client wants it", "an old client", "the application broke"],
)
def test_a_connection_ends(port: int, request_lines: tuple[str, ...]) -> None:
    """The client is answered, and then the connection is closed, where the next request would be lost in its body."""
    with connected(port) as connection:
        send(connection, *request_lines)
        assert ("500" if "/break" in request_lines[0] else "200") == answer(connection)[0].split()[1]
        assert b"" == connection.read()

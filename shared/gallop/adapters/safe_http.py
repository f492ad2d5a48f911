"""Safe requests to addresses that somebody else chose.

Only https on port 443, and only to public names. A name is resolved once, and nothing is sent unless every address that
it resolves to is public. The connection goes to one of the addresses that were checked; TLS and ``Host`` use the name.
No redirects, no proxies, and limits on size and time.
"""

from __future__ import annotations

import contextlib
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpcore
import httpx

from gallop.domain.errors import CallFailed, UnsafeAddress
from gallop.domain.frozen import frozen
from gallop.domain.request import urls

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

MAX_SECONDS = 10.0
MAX_CONNECT_SECONDS = 4.0
MAX_ANSWER_BYTES = 16 * 1024

_PLACE = re.compile(r"bytes ([0-9]{1,15})-[0-9]{1,15}/([0-9]{1,15})")

# Set only by the testbed where it loads this module: no template parameter and no environment variable can.
loopback_allowed = False


@frozen
class Answer:
    """The status of a response, and the seconds it took. Everything else is discarded."""

    status: int
    seconds: float


@frozen
class Part:
    """Some bytes of a file, at least one, and the size of the file."""

    data: bytes
    total: int


def post(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Send a POST, once.

    Raises:
        UnsafeAddress: The address is not allowed; nothing was sent.
        CallFailed: There was no response within the limits.

    """
    started = time.monotonic()
    with _connected(url, started + MAX_SECONDS) as (pool, address):
        return Answer(_status(pool, address, headers, body), time.monotonic() - started)


@contextlib.contextmanager
def ranges(url: str, seconds: float) -> Iterator[Callable[[int, int], Part]]:
    """Yield a function that reads a file from a first to a last byte, within ``seconds`` in all.

    Raises:
        UnsafeAddress: The address is not allowed; nothing was sent.
        CallFailed: The host did not respond in time, or does not send ranges. Reading raises it as well.

    """
    with _connected(url, time.monotonic() + seconds) as (pool, address):
        yield lambda first, last: _part(pool, address, first, last)


@contextlib.contextmanager
def _connected(url: str, until: float) -> Iterator[tuple[httpcore.ConnectionPool, httpcore.URL]]:
    check(url)
    parts = urlsplit(url)
    name, port = (parts.hostname or "").rstrip("."), parts.port or {"https": 443, "http": 80}[parts.scheme]
    dialler = _Dialer(_resolved(url, name, port, until), until)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    address = httpcore.URL(scheme=parts.scheme, host=name, port=parts.port, target=target)
    try:
        with httpcore.ConnectionPool(_trust(), network_backend=dialler, retries=0) as pool:
            yield pool, address
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        raise CallFailed(f"The host did not respond ({type(error).__name__}).") from None


def check(url: str) -> None:
    """Check a URL by its spelling alone, without resolving its name.

    Raises:
        UnsafeAddress: It is not allowed.

    """
    problem = urls.what_is_wrong_with(url)
    if problem and not (loopback_allowed and urls.names_loopback(url)):
        raise UnsafeAddress(f"The address {problem}.")


def _status(pool: httpcore.ConnectionPool, url: httpcore.URL, headers: Mapping[str, str], body: bytes) -> int:
    with pool.stream("POST", url, headers=list(headers.items()), content=body) as response:
        # Only the status matters. The body is read so as not to reset the connection; errors in it change nothing.
        with contextlib.suppress(httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
            size = 0
            for piece in response.iter_stream():
                size += len(piece)
                if size > MAX_ANSWER_BYTES:
                    break
        return response.status


def _part(pool: httpcore.ConnectionPool, url: httpcore.URL, first: int, last: int) -> Part:
    headers = [("Range", f"bytes={first}-{last}"), ("Accept-Encoding", "identity"), ("User-Agent", "gallop")]
    with pool.stream("GET", url, headers=headers) as response:
        if problem := _refusal(response.status):
            raise CallFailed(problem)
        sent = {name.lower(): value.decode("latin-1").strip().lower() for name, value in response.headers}
        place = _PLACE.fullmatch(sent.get(b"content-range", ""))
        if place is None or int(place[1]) != first or sent.get(b"content-encoding", "identity") != "identity":
            raise CallFailed("The host does not send ranges of the file with its size.")
        data = bytearray()
        for piece in response.iter_stream():
            data += piece
            # No more than asked, whatever is sent.
            if len(data) > last - first + 1:
                break
    if not data:
        raise CallFailed("The host sent nothing.")
    return Part(bytes(data[: last - first + 1]), int(place[2]))


def _refusal(status: int) -> str:
    if status == HTTPStatus.PARTIAL_CONTENT:
        return ""
    if status == HTTPStatus.OK:
        return "The host does not send ranges of the file."
    if status // 100 == HTTPStatus.MULTIPLE_CHOICES // 100:
        return "The host redirects to another address, and redirects are not followed."
    return f"The host responded with status {status}."


def _resolved(url: str, name: str, port: int, until: float) -> list[str]:
    """Resolve a name, once; return its addresses if all of them are allowed."""
    is_allowed = urls.is_public
    if loopback_allowed and urls.names_loopback(url):
        is_allowed = urls.is_loopback
    found = list(dict.fromkeys(str(entry[4][0]) for entry in _look_up(name, port, until)))
    if not found or not all(map(is_allowed, found)):
        raise UnsafeAddress("The address resolves to a host that is not public.")
    return found


def _look_up(name: str, port: int, until: float) -> Sequence[Any]:
    # The system's resolver accepts no time-out from its caller.
    resolver = ThreadPoolExecutor(max_workers=1)
    try:
        question = resolver.submit(socket.getaddrinfo, name, port, type=socket.SOCK_STREAM)
        return question.result(timeout=_left(until))
    except TimeoutError:
        raise CallFailed("The host's name was not resolved in time.") from None
    except (OSError, UnicodeError):
        raise CallFailed("The host's name cannot be resolved.") from None
    finally:
        resolver.shutdown(wait=False)


@cache
def _trust() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def _left(until: float) -> float:
    return max(0.001, until - time.monotonic())


class _Dialer(httpcore.NetworkBackend):
    """Connects to the addresses that were checked, one after the other, whatever name it is given."""

    def __init__(self, checked: Sequence[str], until: float) -> None:
        self._checked = checked
        self._until = until
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        del host, timeout
        failure: Exception = httpcore.ConnectError()
        for address in self._checked:
            seconds = min(MAX_CONNECT_SECONDS, _left(self._until))
            try:
                stream = self._backend.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Bounded(stream, self._until)
        raise failure


class _Bounded(httpcore.NetworkStream):
    """A connection with one deadline for everything done on it, however slowly its peer sends."""

    def __init__(self, stream: httpcore.NetworkStream, until: float) -> None:
        self._stream = stream
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        del timeout
        if time.monotonic() >= self._until:
            raise httpcore.ReadTimeout
        return self._stream.read(max_bytes, _left(self._until))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        self._stream.write(buffer, _left(self._until))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        del timeout
        return _Bounded(self._stream.start_tls(ssl_context, server_hostname, _left(self._until)), self._until)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - whatever the stream knows
        return self._stream.get_extra_info(info)

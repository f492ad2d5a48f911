"""Files at addresses of others: read by ranges from hosts that send them, and refused from all others."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest
from gallop.adapters import linked_file, safe_http
from gallop.domain.errors import CallFailed, UnsafeAddress

from tests.support.ranges import FileHost, Reply, file_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTENT = os.urandom(3 * linked_file.RANGE_BYTES + 17)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileHost]:
    """Return a host on this machine, which only a test may call."""
    monkeypatch.setattr(safe_http, "loopback_allowed", True)
    with file_host(CONTENT) as here:
        yield here


def test_a_file_is_read_by_ranges_over_one_connection(host: FileHost) -> None:
    """Nothing is read twice, and compression is refused: places would be others."""
    with linked_file.opened(host.url) as file:
        assert len(CONTENT) == file.seek(0, io.SEEK_END)
        file.seek(len(CONTENT) - 5)
        assert CONTENT[-5:] == file.read()
        file.seek(1)
        assert CONTENT[1:11] == file.read(10)
    size = linked_file.RANGE_BYTES
    assert [(0, size - 1), (len(CONTENT) - 5, len(CONTENT) - 1)] == host.ranges
    assert 1 == len(host.connections)
    assert {"identity"} == {headers["accept-encoding"] for headers in host.headers}


def test_a_whole_file_is_read(host: FileHost) -> None:
    """Also from a host that sends fewer bytes than asked for, or more."""
    for reply in (FileHost.part, fewer, more):
        host.reply = reply
        with linked_file.opened(host.url) as file:
            assert CONTENT == b"".join(iter(lambda: file.read(linked_file.RANGE_BYTES), b""))


def fewer(host: FileHost, first: int, last: int) -> Reply:
    """Send a half."""
    return host.part(first, (first + last) // 2)


def more(host: FileHost, first: int, last: int) -> Reply:
    """Send what follows as well."""
    status, headers, _ = host.part(first, last)
    return status, headers, host.content[first : last + 99_000]


def changes(host: FileHost, first: int, last: int) -> Reply:
    """Send another file after the first range."""
    status, headers, data = host.part(first, last)
    return status, {"Content-Range": headers["Content-Range"] + "0" * bool(first)}, data


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (lambda host, *_: (200, {}, host.content), "does not send ranges"),
        (lambda *_: (404, {}, b"not here"), "status 404"),
        (lambda *_: (503, {}, b""), "status 503"),
        (lambda *_: (302, {"Location": "http://127.0.0.1:9/"}, b""), "redirects are not followed"),
        (lambda host, *_: (206, {}, host.content[:99]), "with its size"),
        (lambda host, *_: (206, {"Content-Range": "bytes 0-98/*"}, host.content[:99]), "with its size"),
        (lambda host, *_: (206, {"Content-Range": "bytes 5-98/999"}, host.content[:99]), "with its size"),
        (
            lambda host, first, last: (206, {**host.part(first, last)[1], "Content-Encoding": "gzip"}, b"x"),
            "with its size",
        ),
        (lambda *_: (206, {"Content-Range": "bytes 0-98/999"}, b""), "sent nothing"),
        (lambda *_: (206, {"Content-Range": "bytes 0-98/999", "Content-Length": "99"}, b"x"), "did not respond"),
        (changes, "changed while it was read"),
    ],
)
def test_a_host_that_does_not_send_ranges_is_refused(
    host: FileHost, reply: Callable[[FileHost, int, int], Reply], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason never has the address, which may contain a secret."""
    host.reply = reply
    if "did not" in reason:
        # It keeps the connection open and sends no more.
        monkeypatch.setattr(linked_file, "MAX_SECONDS", 0.3)
    with pytest.raises(CallFailed, match=reason) as refused, linked_file.opened(host.url) as file:
        file.read()
    assert "secret" not in str(refused.value)
    assert "127.0.0.1" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/x", "https://169.254.169.254/x", "file:///etc/passwd"])
def test_an_address_that_is_not_public_is_not_called(url: str) -> None:
    """As for every address that others choose."""
    with file_host(CONTENT) as host:
        with pytest.raises(UnsafeAddress), linked_file.opened(url.format(host.url.split(":")[2].split("/")[0])):
            pass
        assert [] == host.ranges

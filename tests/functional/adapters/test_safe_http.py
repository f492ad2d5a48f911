"""The safe HTTP client over real connections: which hosts it calls, and how long it waits."""

from __future__ import annotations

import datetime as dt
import itertools
import socket
import ssl
import threading
import time
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from gallop.adapters import safe_http
from gallop.domain.errors import CallFailed, UnsafeAddress

from tests.support.receivers import Receiver, peer, receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAME = "hooks.example.com"
PUBLIC, SECOND, PRIVATE = "93.184.215.14", "93.184.215.15", "10.0.0.1"
HEAD = b"HTTP/1.1 200 OK\r\n"
# How long a peer misbehaves at most, if the client does not give up.
PATIENCE_S = 60


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the switch of the testbed, which no template can set."""
    monkeypatch.setattr(safe_http, "loopback_allowed", True)


def post(url: str) -> int:
    """Send something and return the status."""
    return safe_http.post(url, {"webhook-id": "evt_1"}, b"{}").status


def answers(*addresses: str) -> list[tuple[Any, ...]]:
    """Return a resolver's answer with these addresses."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]


class Internet:
    """Names that resolve to what a test sets, and a public host that is really the local receiver."""

    def __init__(self, port: int) -> None:
        """Direct every connection to this port."""
        self.port = port
        self.questions: list[str] = []
        self.connections: list[str] = []
        self.dead: set[str] = set()
        self.resolves: Iterator[list[tuple[Any, ...]]] = itertools.repeat(answers(PUBLIC))
        self._resolve = socket.getaddrinfo
        self._connect = httpcore.SyncBackend.connect_tcp

    def getaddrinfo(self, host: str, port: int, *rest: Any, **more: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
        """Resolve a name; an address resolves to itself."""
        if host == "127.0.0.1":
            return [*self._resolve(host, port, *rest, **more)]
        self.questions.append(host)
        return next(self.resolves)

    def connect_tcp(self, backend: Any, host: str, port: int, *rest: Any) -> httpcore.NetworkStream:  # noqa: ANN401
        """Connect to an address."""
        assert port == 443
        self.connections.append(host)
        if host in self.dead:
            raise httpcore.ConnectError
        return self._connect(backend, "127.0.0.1", self.port, *rest)


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return TLS for a host with our name, and for a client that trusts it."""
    folder: Path = tmp_path_factory.mktemp("tls")
    key, subject = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)]),
    )
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "all.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + secret)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "all.pem")
    return server, ssl.create_default_context(cafile=str(folder / "all.pem"))


@pytest.fixture
def host(trust: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[Receiver]:
    """Yield a receiver that serves TLS under our name."""
    with receiver(trust[0]) as here:
        yield here


@pytest.fixture
def internet(host: Receiver, trust: tuple[ssl.SSLContext, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> Internet:
    """Return an internet in which our name resolves to a public address."""
    internet = Internet(host.port)
    monkeypatch.setattr(socket, "getaddrinfo", internet.getaddrinfo)

    def connect_tcp(backend: httpcore.SyncBackend, host: str, port: int, *rest: Any) -> httpcore.NetworkStream:  # noqa: ANN401
        return internet.connect_tcp(backend, host, port, *rest)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect_tcp)
    monkeypatch.setattr(safe_http, "_trust", lambda: trust[1])
    return internet


def test_a_public_host_is_called_by_its_checked_address(internet: Internet, host: Receiver) -> None:
    """The connection goes to the address that was checked; TLS and the Host header use the name."""
    assert 204 == post(f"https://{NAME}/hook?order=7")
    assert ([NAME], [PUBLIC]) == (internet.questions, internet.connections)
    (request,) = host.received
    assert "/hook?order=7" == request.path
    assert NAME == request.headers["host"]
    assert "evt_1" == request.headers["webhook-id"]


def test_a_host_of_another_name_is_refused(internet: Internet, host: Receiver) -> None:
    """Its certificate must be for the name, whatever its address."""
    with pytest.raises(CallFailed):
        post("https://other.example.com/hook")
    assert (1, []) == (len(internet.connections), host.received)


def test_a_name_is_resolved_once(internet: Internet) -> None:
    """A resolver that returns a private address the second time (DNS rebinding) is not called twice."""
    internet.resolves = iter([answers(PUBLIC), answers(PRIVATE), answers("127.0.0.1")])
    assert 204 == post(f"https://{NAME}/hook")
    assert ([NAME], [PUBLIC]) == (internet.questions, internet.connections)


@pytest.mark.parametrize(
    "addresses", [[PRIVATE], [PUBLIC, PRIVATE], ["169.254.169.254"], ["::1"], ["::ffff:10.0.0.1"], []]
)
def test_one_address_that_is_not_public_is_enough_to_refuse(internet: Internet, addresses: list[str]) -> None:
    """Nothing is connected to, not even a public address of the same name."""
    internet.resolves = iter([answers(*addresses)])
    with pytest.raises(UnsafeAddress):
        post(f"https://{NAME}/hook")
    assert [] == internet.connections


def test_the_next_address_is_tried_if_one_fails(internet: Internet) -> None:
    """Hosts have several addresses for that purpose."""
    internet.resolves, internet.dead = iter([answers(PUBLIC, SECOND)]), {PUBLIC}
    assert 204 == post(f"https://{NAME}/hook")
    assert [PUBLIC, SECOND] == internet.connections


def test_a_redirect_is_returned(internet: Internet, host: Receiver) -> None:
    """It is not followed."""
    host.answers = [302]
    assert 302 == post(f"https://{NAME}/hook")
    assert (1, 1) == (len(host.received), len(internet.connections))


def test_proxies_of_the_environment_are_ignored(internet: Internet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would resolve the name again."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert 204 == post(f"https://{NAME}/hook")
    assert [PUBLIC] == internet.connections


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:{}/hook", "http://localhost:{}/hook", "https://127.0.0.1/hook", "https://[::1]/hook"],
)
def test_this_machine_is_not_called(url: str) -> None:
    """Without the testbed's switch, none of its addresses is called."""
    with receiver() as here, pytest.raises(UnsafeAddress):
        post(url.format(here.port))
    assert [] == here.received


def test_the_switch_allows_this_machine_and_nothing_else(loopback: None) -> None:
    """The testbed may call its receivers; other private addresses stay blocked."""
    del loopback
    with receiver() as here:
        assert 204 == post(here.url)
    for url in ("http://10.0.0.1/", "http://169.254.169.254/", "http://user@127.0.0.1/", "http://example.com/"):
        with pytest.raises(UnsafeAddress):
            post(url)
    with patch.object(socket, "getaddrinfo", lambda *_, **__: answers(PUBLIC)), pytest.raises(UnsafeAddress):
        post("http://localhost/")


def test_a_refused_connection_is_a_failure(loopback: None) -> None:
    """It is reported as such."""
    del loopback
    with receiver() as here:
        url = here.url
    with pytest.raises(CallFailed, match="ConnectError"):
        post(url)


class Peer:
    """A receiver that never answers properly: its behaviours last until the test is over."""

    def __init__(self) -> None:
        """Start with the real time."""
        self.over = threading.Event()
        self.skipped = 0.0

    def monotonic(self) -> float:
        """Return the time that the client reads."""
        return time.monotonic() + self.skipped

    def after_a_piece(self, read: Callable[..., bytes]) -> Callable[..., bytes]:
        """Let all of the client's time pass with the first piece that arrives, however fast this machine is."""

        def read_piece(*arguments: Any, **options: Any) -> bytes:  # noqa: ANN401 - those of httpcore
            piece = read(*arguments, **options)
            self.skipped = safe_http.MAX_SECONDS
            return piece

        return read_piece

    def is_silent(self, _: socket.socket) -> None:
        """Answer nothing."""
        self.over.wait(PATIENCE_S)

    def drips(self, connection: socket.socket) -> None:
        """Answer one byte at a time."""
        self.repeat(connection, b"H")

    def announces(self, connection: socket.socket) -> None:
        """Announce an answer forever."""
        self.repeat(connection, b"HTTP/1.1 102 Processing\r\n\r\n")

    def stops(self, connection: socket.socket) -> None:
        """Announce a body, and send none."""
        connection.sendall(HEAD + b"Content-Length: 9\r\n\r\n")
        self.over.wait(PATIENCE_S)

    def repeat(self, connection: socket.socket, text: bytes) -> None:
        """Send a text again and again."""
        for _ in range(int(PATIENCE_S / 0.02)):
            connection.sendall(text)
            if self.over.wait(0.02):
                return


@pytest.fixture
def strange(loopback: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    """Return a peer whose behaviours outlast the client, which must give up before them."""
    del loopback
    found = Peer()
    monkeypatch.setattr(safe_http, "time", SimpleNamespace(monotonic=found.monotonic))
    bounded = safe_http._Bounded  # noqa: SLF001 - the one place where all pieces pass
    monkeypatch.setattr(bounded, "read", found.after_a_piece(bounded.read))
    yield found
    found.over.set()


def say(text: bytes, times: int = 1) -> Any:  # noqa: ANN401 - a behaviour
    """Answer with a text repeatedly."""

    def behave(connection: socket.socket) -> None:
        for _ in range(times):
            connection.sendall(text)

    return behave


@pytest.mark.parametrize("behaviour", [Peer.is_silent, Peer.drips, Peer.announces], ids=lambda one: one.__name__)
def test_a_receiver_without_an_answer_fails_on_time(
    behaviour: Callable[[Peer, socket.socket], None], strange: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is a total timeout, which no byte that arrives extends."""
    if behaviour is Peer.is_silent:
        monkeypatch.setattr(safe_http, "MAX_SECONDS", 0.4)
    with peer(partial(behaviour, strange)) as url, pytest.raises(CallFailed):
        post(url)


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(lambda connection: connection.close(), id="hangs up"),
        pytest.param(say(b"SSH-2.0-OpenSSH\r\n"), id="no HTTP"),
        pytest.param(say(HEAD + b"X: " + b"x" * 200_000), id="a huge header"),
        pytest.param(say(HEAD + b"A: b\r\n" * 50_000), id="many headers"),
    ],
)
def test_an_answer_that_is_not_http_fails(behave: Any, loopback: None) -> None:  # noqa: ANN401
    """The next try may get a better one."""
    del loopback
    with peer(behave) as url, pytest.raises(CallFailed):
        post(url)


def test_a_body_that_stops_is_not_waited_for(strange: Peer) -> None:
    """The status is known, and the rest is not waited for beyond the timeout."""
    with peer(strange.stops) as url:
        assert 200 == post(url)


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(say(HEAD + b"\r\n" + b"x" * 65_536, times=500), id="an endless body"),
        pytest.param(say(HEAD + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"), id="a body that is broken"),
    ],
)
def test_the_body_is_ignored(behave: Any, loopback: None) -> None:  # noqa: ANN401
    """The status is known: the body is not kept, and may be anything."""
    del loopback
    with peer(behave) as url:
        assert 200 == post(url)


def test_a_resolver_that_hangs_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's resolver has no timeout that could be set."""
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(PATIENCE_S))
    monkeypatch.setattr(safe_http, "MAX_SECONDS", 0.2)
    try:
        with pytest.raises(CallFailed, match="not resolved in time"):
            post(f"https://{NAME}/hook")
    finally:
        over.set()


def test_a_name_that_does_not_exist_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name may exist when the next try is made."""

    def nobody(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(CallFailed, match="cannot be resolved"):
        post(f"https://{NAME}/hook")


def test_no_error_contains_the_address(internet: Internet) -> None:
    """A client's path or query may contain a key."""
    internet.dead = {PUBLIC}
    with pytest.raises(CallFailed) as caught:
        post(f"https://{NAME}/hook?token=sesame")
    assert "sesame" not in str(caught.value)

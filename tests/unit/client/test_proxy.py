"""A key goes to the stack, and to a proxy only encrypted."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest
from gallop import clock
from gallop.client import Gallop, GallopError, wire

PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


@pytest.mark.parametrize("name", PROXIES)
def test_no_proxy_sees_a_key_in_clear(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only stack without encryption is the testbed on this machine: it is called directly."""
    with socket.create_server(("127.0.0.1", 0)) as proxy, socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
        closed.close()
        proxy.settimeout(0.2)
        for other in (*PROXIES, "NO_PROXY", "no_proxy"):
            monkeypatch.delenv(other, raising=False)
        monkeypatch.setattr(clock, "sleep", lambda _: None)
        monkeypatch.setattr(wire, "TIMEOUT", 0.2)
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        with Gallop(f"http://127.0.0.1:{port}", "gallop_key") as gallop, suppress(GallopError):
            gallop.get("job_aaaaaaaaaaaaaaaaaaaaaaaaaa")
        with pytest.raises(TimeoutError):
            proxy.accept()

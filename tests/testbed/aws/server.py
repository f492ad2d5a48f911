"""The server of the embedded AWS: moto's, with the gatekeeper in front of it."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


_POLL_S = 0.05
"""How often the server checks whether it must stop."""


class _QuietHandler(MotoRequestHandler):
    """Logs nothing: the gatekeeper's audit has more detail."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""


class AwsServer:
    """Serves AWS's APIs on one port, to functions' processes and to anyone who has a key."""

    def __init__(self, port: int, guard: Callable[[WsgiApp], WsgiApp]) -> None:
        """Bind the port (0 means any free one); ``guard`` wraps moto's application."""
        application = guard(DomainDispatcherApplication(create_backend_app))
        self._server = make_server("127.0.0.1", port, application, threaded=True, request_handler=_QuietHandler)
        self._thread = Thread(target=self._server.serve_forever, args=(_POLL_S,), name="aws", daemon=True)

    @property
    def url(self) -> str:
        """The endpoint's URL, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Start serving."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

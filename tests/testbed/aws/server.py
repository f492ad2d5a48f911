"""The server of the embedded AWS: moto's, with the gatekeeper in front of it."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from .http_server import HttpServer
from .table_api import TableApi

if TYPE_CHECKING:
    from collections.abc import Callable

    from .http_server import WsgiApp

_POLL_S = 0.05
"""How often the server checks whether it must stop."""


class AwsServer:
    """Serves AWS's APIs on one port, to functions' processes and to anyone who has a key."""

    def __init__(self, port: int, region: str, guard: Callable[[WsgiApp], WsgiApp]) -> None:
        """Bind the port (0 means any free one); ``guard`` wraps moto's application."""
        application = TableApi(DomainDispatcherApplication(create_backend_app), region)
        self._server = HttpServer(port, guard(application))
        self._thread = Thread(target=self._server.serve_forever, args=(_POLL_S,), name="aws", daemon=True)

    @property
    def url(self) -> str:
        """The endpoint's URL, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Start serving."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

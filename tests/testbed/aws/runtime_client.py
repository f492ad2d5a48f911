"""The Runtime API's client, where AWS's own is missing: its package brings a native module for Linux only.

AWS's runtime client imports this file as ``runtime_client`` in a function's process and makes the same calls, so it
needs the standard library only, and nothing of the testbed. One connection serves all invocations, as with AWS's own.
"""

from __future__ import annotations

import http.client
import os

_PATH = "/2018-06-01/runtime/invocation"
_DEADLINE = "Lambda-Runtime-Deadline-Ms"


class _Connection:
    """The connection to the Runtime API, opened with the first call."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self._http: http.client.HTTPConnection | None = None

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str | bytes] | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """Make a call; return body and headers of the response. Raise ``RuntimeError`` for any other than a success."""
        if self._http is None:
            self._http = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        self._http.request(method, path, body, {**self.headers, **(headers or {})})
        response = self._http.getresponse()
        content = response.read()
        if not 200 <= response.status < 300:
            raise RuntimeError(f"{method} {path} returned HTTP {response.status}: {content.decode('utf-8', 'replace')}")
        return content, dict(response.getheaders())


_connection = _Connection()


def initialize_client(user_agent: str) -> None:
    """Send this name of the client with every call."""
    _connection.headers["User-Agent"] = user_agent


def next() -> tuple[bytes, dict[str, str | int]]:  # noqa: A001 - AWS's name
    """Wait for the next invocation; return its event and headers, the deadline as a number."""
    event, headers = _connection.call("GET", f"{_PATH}/next")
    return event, {**headers, _DEADLINE: int(headers[_DEADLINE])}


def post_invocation_result(
    invoke_id: str, result_data: bytes, content_type: str, invocation_id: str | None = None
) -> None:
    """Send a handler's reply."""
    headers = {"Content-Type": content_type, **_invocation(invocation_id)}
    _connection.call("POST", f"{_PATH}/{invoke_id}/response", result_data, headers)


def post_error(invoke_id: str, error_response_data: str, xray_fault: str, invocation_id: str | None = None) -> None:
    """Send the description of a handler's exception, for its caller and for X-Ray."""
    fault = xray_fault.replace("\n", " ").encode()
    headers: dict[str, str | bytes] = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Function-XRay-Error-Cause": fault,
        **_invocation(invocation_id),
    }
    _connection.call("POST", f"{_PATH}/{invoke_id}/error", error_response_data.encode(), headers)


def _invocation(invocation_id: str | None) -> dict[str, str | bytes]:
    return {} if invocation_id is None else {"Lambda-Runtime-Invocation-Id": invocation_id}

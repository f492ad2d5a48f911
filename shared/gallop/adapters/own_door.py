"""The stack's own HTTPS door, called from outside as a client does: for an operator's commands."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx

from gallop.domain.errors import CallFailed
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OK = 200
_TIMEOUT = httpx.Timeout(40, connect=5)


@frozen
class Reply:
    """A response: its status, its headers with names in lower case, and its JSON, if it has any."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]


def status(url: str, key: str = "") -> int:
    """Return the status of a GET, with an API key or without one.

    Raises:
        CallFailed: The door did not answer.

    """
    return call("GET", url, key).status


def call(
    method: str,
    url: str,
    key: str = "",
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Make a request, and follow no redirect.

    Raises:
        CallFailed: The door did not answer.

    """
    sent = {**({"Authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
    try:
        response = _client().request(method, url, json=body, headers=sent)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CallFailed(f"{_host(url)} did not answer ({type(error).__name__}).") from None
    return Reply(response.status_code, {**response.headers}, _json(response))


@contextmanager
def download(url: str) -> Iterator[Iterator[bytes]]:
    """Yield the bytes at a presigned URL, in pieces.

    Raises:
        CallFailed: It could not be read.

    """
    try:
        with _client().stream("GET", url) as response:
            if response.status_code != httpx.codes.OK:
                raise CallFailed(f"{_host(url)} answered {response.status_code} to the download.")
            yield response.iter_bytes()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CallFailed(f"{_host(url)} interrupted the download ({type(error).__name__}).") from None


@cache
def _client() -> httpx.Client:
    # httpx logs every URL that it requests, and that of a video grants access to it.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(timeout=_TIMEOUT, limits=limits, follow_redirects=False)


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


def _json(response: httpx.Response) -> Mapping[str, Any]:
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

"""Tells a client from its Bearer key."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from gallop.domain import keys
from gallop.edges import client_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_CHARACTERS_AT_MOST = 200


def authorize(event: Mapping[str, Any]) -> dict[str, Any]:
    """Give the client of a request, or the problem with its key.

    The answer always lets the request through: API Gateway's own refusals say nothing, and an HTTP API cannot be
    taught words. A request without a client is refused by ``http.caller_of``, through which every route learns whom
    it serves.
    """
    scheme, _, key = str(_header(event, "authorization")).partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        return _unknown("There is no key in the request.")
    if not key.isascii() or len(key) > KEY_CHARACTERS_AT_MOST:
        return _unknown("The key is not one of this stack's.")
    key_hash = keys.hash_of(key)
    record = client_keys.get(key_hash)
    if record is None or not hmac.compare_digest(str(record["hash"]), key_hash):
        return _unknown("The key is not one of this stack's.")
    return {"isAuthorized": True, "context": {"client": record["client"]}}


def _unknown(problem: str) -> dict[str, Any]:
    return {"isAuthorized": True, "context": {"problem": problem}}


def _header(event: Mapping[str, Any], name: str) -> str:
    headers = event.get("headers") or {}
    return next((value for key, value in headers.items() if key.lower() == name), "")

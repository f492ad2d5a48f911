"""Identifies a client by its Bearer key, and limits the rate of each key."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from gallop import clock, settings
from gallop.adapters.table import client_keys
from gallop.domain import times
from gallop.domain.clients import keys
from gallop.domain.clients.keys import KeyState
from gallop.domain.clients.rate_limit import RateLimit
from gallop.domain.errors import InvalidRequest
from gallop.domain.request import single_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gallop.adapters.table.client_keys import Use

NO_KEY = "The request has no API key."
# For a revoked key, too: a thief must not learn that it was valid.
WRONG_KEY = "The API key is not valid."


def authorize(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the client of a request, or the problem with its key, or the seconds until the key may be used again.

    The answer always lets the request through, because API Gateway's own refusals explain nothing and an HTTP API
    cannot change them. ``resolver.caller_of``, which every route calls, refuses requests.
    """
    try:
        sent = single_values.authorization(_headers(event))
    except InvalidRequest:
        # ``resolver.caller_of`` says why.
        return _context(problem=WRONG_KEY)
    scheme, _, key = sent.strip().partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        return _context(problem=NO_KEY)
    if not key.isascii() or len(key) > keys.MAX_CHARACTERS:
        return _context(problem=WRONG_KEY)
    return _use(keys.hash_of(key))


def _use(key_hash: str) -> dict[str, Any]:
    used, now = _within_rate_limit(key_hash)
    if used is None or not hmac.compare_digest(used.key.hash, key_hash):
        return _context(problem=WRONG_KEY)
    key = used.key
    match key.state(now):
        case KeyState.REVOKED:
            return _context(problem=WRONG_KEY)
        case KeyState.EXPIRED:
            return _context(problem=f"The API key {key.id} expired on {times.day_and_time(key.valid_until or now)}.")
        case KeyState.ACTIVE:
            wait = {"retry_after": used.wait_seconds} if used.wait_seconds else {}
            draining = {"is_draining": True} if key.is_draining else {}
            bound = {"bound": key.bound.text} if key.bound else {}
            return _context(client=key.client, key_id=key.id, is_admin=key.is_admin, **draining, **bound, **wait)


def _within_rate_limit(key_hash: str) -> tuple[Use | None, float]:
    """Use a key; return the result, and the time of use (epoch seconds).

    A request that is slow to reach the table finds it changed by faster ones that began later. If it has been under way
    for as long as it would have to wait, it has waited long enough, and tries again with the current time.
    """
    limit, now = RateLimit(settings.requests_per_second()), clock.now()
    used = client_keys.use(key_hash, now, limit)
    while used and 0 < used.wait_seconds <= (later := clock.now()) - now:
        now = later
        used = client_keys.use(key_hash, now, limit)
    return used, now


def _context(**fields: str | bool | int) -> dict[str, Any]:
    return {"isAuthorized": True, "context": fields}


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}

"""Creates API keys of the HTTPS door."""

from __future__ import annotations

from gallop.adapters.table import client_keys, drains
from gallop.domain.clients import keys
from gallop.domain.clients.keys import Key
from gallop.domain.placement import ANYWHERE, Placement


def issue(
    client: str, now: float, valid_until: float | None = None, *, is_admin: bool = False, bound: Placement = ANYWHERE
) -> tuple[str, Key]:
    """Create a key for a client, whose jobs run where ``bound`` says; return it, and its record.

    Nobody can return the key again.
    """
    secret = keys.generate()
    key = Key(keys.hash_of(secret), client, now, valid_until, is_admin, is_draining=_is_draining(), bound=bound)
    client_keys.create(key)
    # What began or ended meanwhile did not see this key.
    if (is_draining := _is_draining()) is not key.is_draining:
        client_keys.set_draining(key, is_draining=is_draining)
    return secret, key


def _is_draining() -> bool:
    return drains.since() is not None

"""API keys of the HTTPS door: 256 random bits, of which the stack stores only a hash."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from enum import StrEnum

from gallop.domain.frozen import frozen
from gallop.domain.placement import ANYWHERE, Placement

PREFIX = "gallop_"
MAX_CHARACTERS = 200
# How long `list` still shows a revoked or expired key.
DEAD_KEYS_KEPT_SECONDS = 90 * 86_400

S3_DOOR = "s3"
_CLIENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_LIFETIME = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86_400}


class KeyState(StrEnum):
    """Whether a key grants access."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@frozen
class Key:
    """The record of a key, without the key itself. Times are in seconds since the epoch.

    ``id`` is public. It is derived from the hash, so that anyone who finds a key can identify it. ``is_draining`` says
    that no jobs are accepted with it at present; each key has it, because the authorizer reads nothing else. ``bound``
    is where the jobs that it creates may run, whatever their requests ask for.
    """

    hash: str
    client: str
    created_at: float
    valid_until: float | None = None
    is_admin: bool = False
    revoked_at: float | None = None
    last_used_at: float | None = None
    is_draining: bool = False
    bound: Placement = ANYWHERE

    @property
    def id(self) -> str:
        """The id under which it is listed and revoked."""
        return f"key_{base64.b32encode(bytes.fromhex(self.hash)).decode().lower()[:10]}"

    @property
    def ends_at(self) -> float | None:
        """The time at which it stops granting access, if there is one."""
        ends = [time for time in (self.revoked_at, self.valid_until) if time is not None]
        return min(ends, default=None)

    def state(self, now: float) -> KeyState:
        """Return whether it grants access at ``now``; at ``valid_until`` it no longer does."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        is_over = self.valid_until is not None and now >= self.valid_until
        return KeyState.EXPIRED if is_over else KeyState.ACTIVE


def generate() -> str:
    """Create a key; it is shown once and stored nowhere."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(key: str) -> str:
    """Return the hash of a key that is stored. A fast hash is sufficient: 256 random bits cannot be guessed."""
    return hashlib.sha256(key.encode()).hexdigest()


def is_client_name(name: str) -> bool:
    """Return whether a client may have this name; ``s3`` is reserved for the S3 door."""
    return _CLIENT.fullmatch(name) is not None and name != S3_DOOR


def lifetime_seconds(text: str) -> int | None:
    """Parse a lifetime in minutes, hours or days (``30m``, ``12h``, ``90d``) to seconds; None if it is invalid."""
    match = _LIFETIME.fullmatch(text)
    return int(match[1]) * _UNIT_SECONDS[match[2]] if match else None

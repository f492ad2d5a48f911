"""The keys of the HTTPS door: 256 random bits, of which the stack keeps a hash only."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

PREFIX = "gallop_"
MAX_CHARACTERS = 200
# Long enough for `list` to show what became of a key.
DEAD_KEYS_KEPT_SECONDS = 90 * 86_400

S3_DOOR = "s3"
_CLIENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_LIFETIME = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86_400}


class KeyState(StrEnum):
    """Whether a key opens the door."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key: all but the key itself. Times are in seconds since the epoch.

    ``id`` may be shown to anyone: it is made of the hash, so whoever finds a key can tell which one it is.
    """

    hash: str
    client: str
    created_at: float
    valid_until: float | None = None
    is_admin: bool = False
    revoked_at: float | None = None
    last_used_at: float | None = None

    @property
    def id(self) -> str:
        """The name by which it is listed and revoked."""
        return f"key_{base64.b32encode(bytes.fromhex(self.hash)).decode().lower()[:10]}"

    @property
    def ends_at(self) -> float | None:
        """The moment from which it opens nothing, if there is one."""
        ends = [time for time in (self.revoked_at, self.valid_until) if time is not None]
        return min(ends, default=None)

    def state(self, now: float) -> KeyState:
        """Tell whether it opens the door. Its last second is the one before ``valid_until``."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        is_over = self.valid_until is not None and now >= self.valid_until
        return KeyState.EXPIRED if is_over else KeyState.ACTIVE


def generate() -> str:
    """Make a new key; it is shown once and stored nowhere."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(key: str) -> str:
    """Give what is stored of a key. A plain hash does: nobody guesses 256 bits."""
    return hashlib.sha256(key.encode()).hexdigest()


def is_client_name(name: str) -> bool:
    """Tell whether a client may have this name; ``s3`` is the S3 door's own."""
    return _CLIENT.fullmatch(name) is not None and name != S3_DOOR


def lifetime_seconds(text: str) -> int | None:
    """Read a lifetime in minutes, hours or days (``30m``, ``12h``, ``90d``); None for anything else."""
    match = _LIFETIME.fullmatch(text)
    return int(match[1]) * _UNIT_SECONDS[match[2]] if match else None

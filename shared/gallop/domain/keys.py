"""The keys of the HTTPS door: 256 random bits, of which the stack keeps a hash only."""

from __future__ import annotations

import hashlib
import re
import secrets

PREFIX = "gallop_"
_CLIENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


def mint() -> str:
    """Make a new key; it is shown once and stored nowhere."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(key: str) -> str:
    """Give what is stored of a key. A plain hash does: nobody guesses 256 bits."""
    return hashlib.sha256(key.encode()).hexdigest()


def is_client_name(name: str) -> bool:
    """Tell whether a client may have this name; ``s3`` is the S3 door's own."""
    return _CLIENT.fullmatch(name) is not None and name != "s3"

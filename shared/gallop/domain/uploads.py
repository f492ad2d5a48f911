"""What clients put into the inbox by way of Gallop: whose it is, and under which key."""

from __future__ import annotations

import base64
import re
import secrets

PREFIX = "uploads/"

_ID = re.compile(r"upload_[a-z2-7]{26}")
# The names that Gallop gives: of an upload, and of an image that came inside a request.
_KEPT = re.compile(rf"{PREFIX}(.+)/(?:{_ID.pattern}|[0-9a-f]{{64}}\.[a-z0-9.+-]+)", re.DOTALL)


def new_id() -> str:
    """Make an id that no other upload has, and nobody guesses (128 random bits)."""
    return "upload_" + base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an upload's id."""
    return _ID.fullmatch(text) is not None


def key_of(client: str, upload_id: str) -> str:
    """Give the key of a client's upload."""
    return f"{PREFIX}{client}/{upload_id}"


def belongs_to_another(key: str, client: str) -> bool:
    """Tell whether Gallop keeps this object for a client other than this; what people copied there is for all."""
    kept = _KEPT.fullmatch(key)
    return kept is not None and kept[1] != client

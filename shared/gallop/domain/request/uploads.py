"""What clients put into the inbox by way of Gallop: whose it is, and under which key."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gallop.domain.request.images import StoredImage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gallop.domain.request.images import Image, Original

PREFIX = "uploads/"

_ID = re.compile(r"upload_[a-z2-7]{26}")
# The names that Gallop gives: of an upload, and of an image that came inside a request.
_KEPT = re.compile(rf"{PREFIX}(.+)/(?:{_ID.pattern}|[0-9a-f]{{64}}\.[a-z0-9.+-]+)", re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class Input:
    """A version of an object that Gallop keeps for a client, and that jobs of this client use."""

    bucket: str
    key: str
    version_id: str


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
    return _keeper(key) not in (None, client)


def inputs_of(images: Iterable[Image], client: str) -> list[Input]:
    """Name what Gallop keeps of these images for a client, each version once; also what they were converted from."""
    stored = [image for image in images if isinstance(image, StoredImage)]
    held: list[StoredImage | Original] = [*stored, *(image.original for image in stored if image.original)]
    return sorted(
        {Input(one.bucket, one.key, one.version_id) for one in held if one.version_id and _keeper(one.key) == client}
    )


def _keeper(key: str) -> str | None:
    kept = _KEPT.fullmatch(key)
    return kept and kept[1]

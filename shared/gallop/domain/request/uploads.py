"""Files that clients upload to the inbox through Gallop: their owner and their key."""

from __future__ import annotations

import base64
import re
import secrets
from typing import TYPE_CHECKING

from gallop.domain.frozen import frozen
from gallop.domain.request.clips import LinkedClip, StoredClip
from gallop.domain.request.images import LinkedImage, StoredImage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gallop.domain.request.images import Original
    from gallop.domain.request.media import Source

PREFIX = "uploads/"

_ID = re.compile(r"upload_[a-z2-7]{26}")
# The keys that Gallop assigns: to an upload, and to an image that was sent inside a request.
_STORED = re.compile(rf"{PREFIX}(.+)/(?:{_ID.pattern}|[0-9a-f]{{64}}\.[a-z0-9.+-]+)", re.DOTALL)


@frozen
class Input:
    """A version of an object that Gallop stores for a client, and that jobs of this client use."""

    bucket: str
    key: str
    version_id: str


def new_id() -> str:
    """Create a unique upload id that cannot be guessed (128 random bits)."""
    return "upload_" + base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def is_id(text: str) -> bool:
    """Return whether a text has the format of an upload's id."""
    return _ID.fullmatch(text) is not None


def key_of(client: str, upload_id: str) -> str:
    """Return the key of a client's upload."""
    return f"{PREFIX}{client}/{upload_id}"


def belongs_to_another(key: str, client: str) -> bool:
    """Return whether Gallop stores this object for another client; objects that people copied there are for all."""
    return _owner(key) not in (None, client)


def address_of(source: Source) -> str | None:
    """Return what another request can name a file by; None for the file of a drop, which no request can name."""
    if isinstance(source, LinkedImage | LinkedClip):
        return source.url
    if isinstance(source, StoredImage | StoredClip) and source.key.startswith(PREFIX):
        return f"s3://{source.bucket}/{source.key}"
    return None


def inputs_of(sources: Iterable[Source], client: str) -> list[Input]:
    """Return the object versions that Gallop stores for a client's files and their originals, each version once."""
    stored = [source for source in sources if isinstance(source, StoredImage | StoredClip)]
    originals = [image.original for image in stored if isinstance(image, StoredImage) and image.original]
    files: list[StoredImage | StoredClip | Original] = [*stored, *originals]
    own = [file for file in files if file.version_id and _owner(file.key) == client]
    versions = sorted({(file.bucket, file.key, file.version_id) for file in own})
    return [Input(*version) for version in versions]


def _owner(key: str) -> str | None:
    match = _STORED.fullmatch(key)
    return match and match[1]

"""The forms in which a request may name a reference image, and the image that each names."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from gallop.domain import models, names
from gallop.domain.faults import Fault
from gallop.domain.request import uploads, urls
from gallop.domain.request.images import Image, InlineImage, LinkedImage, StoredImage

if TYPE_CHECKING:
    from collections.abc import Iterator

MEDIA_TYPE = "reference_image"
MAX_KEY_BYTES = 1024

_SPACE = re.compile(r"[ \t\r\n]+")
_URL_SAFE = str.maketrans("-_", "+/")

# A JSON pointer, and the value there: something that names an image, or a fault.
Sent = tuple[str, object]


def not_there(where: str) -> Fault:
    """Report an object that is not in the inbox, or belongs to another client: the message does not say which."""
    return Fault(where, "not found in the inbox bucket", "Upload it first, or correct its name.")


def parse_images(value: object) -> Iterator[Sent]:
    """Read ``images``, a list; yield each item."""
    if value is not None and not isinstance(value, list):
        yield _wrong("/images", "must be a list", 'Send a list: ["https://...", ...].')
        return
    yield from ((f"/images/{index}", item) for index, item in enumerate(value or []))


def parse_input_reference(value: object) -> Iterator[Sent]:
    """Read OpenAI's ``input_reference``: an image, an object with its address or id, or a list of either."""
    if isinstance(value, list):
        yield from (_referred(f"/input_reference/{index}", item) for index, item in enumerate(value))
    elif value is not None:
        yield _referred("/input_reference", value)


def parse_media(value: object) -> Iterator[Sent]:
    """Read DashScope's ``media``: a list of objects with ``url`` and ``type``."""
    if value is not None and not isinstance(value, list):
        yield _wrong("/media", "must be a list", 'Send a list: [{"url": "https://..."}, ...].')
        return
    for index, item in enumerate(value or []):
        where = f"/media/{index}"
        if isinstance(item, InlineImage):
            yield where, item
        elif not isinstance(item, dict) or item.keys() - {"url", "type"} or "url" not in item:
            yield _wrong(
                where, "must be an object with a url", f'Send {{"type": "{MEDIA_TYPE}", "url": "https://..."}}.'
            )
        elif item.get("type") not in (None, MEDIA_TYPE):
            yield _wrong(f"{where}/type", "is not a supported image type", f"Use {MEDIA_TYPE}.")
        else:
            yield f"{where}/url", item["url"]


def _referred(where: str, value: object) -> Sent:
    if not isinstance(value, dict):
        return where, value
    names = [name for name in ("image_url", "file_id") if name in value]
    if len(names) != 1 or len(value) != 1:
        return _wrong(where, "must be an object with either image_url or file_id", 'Send {"image_url": "https://..."}.')
    return f"{where}/{names[0]}", value[names[0]]


def _wrong(where: str, problem: str, remedy: str) -> Sent:
    return where, Fault(where, problem, remedy)


@dataclass(frozen=True, slots=True)
class Inbox:
    """The only bucket that a request may refer to, and the client that sends the request.

    ``references`` says what an image can be in the client's protocol.
    """

    bucket: str
    client: str
    references: str

    def image(self, where: str, value: object) -> Image | Fault:
        """Read a value that names an image; inline images and faults are returned unchanged."""
        if isinstance(value, InlineImage | Fault):
            return value
        if isinstance(value, str):
            if uploads.is_id(value):
                return StoredImage(self.bucket, uploads.key_of(self.client, value))
            scheme = value.partition(":")[0].lower()
            if scheme == "https":
                return _linked(where, value)
            if scheme == "data":
                return _inline(where, value)
            if scheme == "s3":
                return self._stored(where, value)
        return Fault(
            where,
            "is not a supported image reference",
            f"Use {self.references.format(bucket=self.bucket)}",
        )

    def _stored(self, where: str, uri: str) -> StoredImage | Fault:
        bucket, _, key = uri[len("s3://") :].partition("/")
        path = key.split("/")
        if bucket != self.bucket or path[0] != "uploads" or len(path) == 1 or {"", ".", ".."} & set(path):
            return Fault(
                where,
                "refers to an object outside uploads/ in the inbox bucket",
                f"Copy it to s3://{self.bucket}/uploads/ and use that address.",
            )
        if fault := names.fault_of(key):
            return replace(fault, pointer=where, file="")
        if len(key.encode()) > MAX_KEY_BYTES or uploads.belongs_to_another(key, self.client):
            return not_there(where)
        return StoredImage(bucket, key)


def _linked(where: str, address: str) -> LinkedImage | Fault:
    url = urls.in_ascii(address)
    problem = urls.what_is_wrong_with(url)
    if problem:
        return Fault(where, problem, "Use the https address of a public image, or send the image itself.")
    return LinkedImage(url)


def _inline(where: str, uri: str) -> InlineImage | Fault:
    head, comma, payload = uri.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        return Fault(where, "is a data URI without base64", "Send it as data:image/jpeg;base64,...")
    try:
        return InlineImage(_decoded(payload))
    except (binascii.Error, ValueError):
        return Fault(where, "is a data URI with invalid base64", "Encode the file again.")


def _decoded(payload: str) -> bytes:
    """Decode base64 in the forms that clients send: of either alphabet, padded or not, wrapped, percent-encoded."""
    text = unquote(payload) if "%" in payload else payload
    text = _SPACE.sub("", text).rstrip("=").translate(_URL_SAFE)
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def too_large(where: str, size: int) -> Fault:
    """Report an image that is too large; ``size`` is in bytes."""
    limit = models.MAX_PICTURE_BYTES // 1024**2
    detail = f"is too large: {size / 1024**2:.1f} MB; the maximum is {limit} MB"
    return Fault(where, detail, "Reduce its size, for example by saving it as JPEG.")

"""The forms in which a request may name an image, a video or an audio file, and what each names."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from gallop.domain import models, names
from gallop.domain.faults import Fault
from gallop.domain.frozen import frozen
from gallop.domain.request import uploads, urls
from gallop.domain.request.clips import LinkedClip, StoredClip
from gallop.domain.request.images import InlineImage, LinkedImage, StoredImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gallop.domain.models import MediaField
    from gallop.domain.request.dialects import Words
    from gallop.domain.request.media import Source

OPENAI, DASHSCOPE = "input_reference", "media"
"""The fields of other protocols that name images or videos."""
MAX_KEY_BYTES = 1024
# Of a list: far more than any model takes, and few enough to read each.
MAX_ITEMS = 100

_SPACE = re.compile(r"[ \t\r\n]+")
_URL_SAFE = str.maketrans("-_", "+/")


@frozen
class Sent:
    """What was sent in one place: ``value`` names a file, or is a file that was found, or a fault.

    ``where`` is its JSON pointer, or the name of its file, and ``container`` the field that it was sent in.
    ``field`` is the media field that it belongs to, or ``type`` DashScope's name for that, which was sent at
    ``named_at``; with neither, it belongs to the first image field of the model. ``more`` of its kind follow it in the
    same list, unread: there are too many.
    """

    container: str
    where: str
    value: object
    field: str = ""
    type: str = ""
    named_at: str = ""
    more: int = 0


def not_there(where: str) -> Fault:
    """Report an object that is not in the inbox, or belongs to another client: the message does not say which."""
    return Fault(where, "not found in the inbox bucket", "Upload it first, or correct its name.")


def containers() -> tuple[str, ...]:
    """Return the names of all fields that may contain images or videos."""
    return (*models.media_fields(), OPENAI, DASHSCOPE)


def sent_in(fields: Mapping[str, object]) -> Iterator[Sent]:
    """Yield what was sent in each place of a native or OpenAI request."""
    for name, medium in models.media_fields().items():
        read = _list if medium.is_list else _single
        for where, value, more in read(name, fields.get(name)):
            yield Sent(name, where, value, field=name, more=more)
    for where, value, more in _input_reference(fields.get(OPENAI)):
        yield Sent(OPENAI, where, value, more=more)
    yield from _media(fields.get(DASHSCOPE))


def bounded(items: Sequence[object]) -> Iterator[tuple[int, object, int]]:
    """Yield the first items of a list with their places; the last one also with the number of those left out."""
    for index, item in enumerate(items[:MAX_ITEMS]):
        yield index, item, max(0, len(items) - MAX_ITEMS) if index == MAX_ITEMS - 1 else 0


def types() -> list[str]:
    """Return DashScope's names for the media of all models."""
    return sorted({medium.type for model in models.MODELS.values() for medium in model.media})


def typed(place: str, item: object, types: Sequence[str], *, may_omit_type: bool = False) -> Sent:
    """Read an item of DashScope's ``media``, an object with ``type`` and ``url``, at a JSON pointer."""
    example = 'Send {"type": "reference_image", "url": "https://..."}.'
    if isinstance(item, InlineImage):
        return Sent(DASHSCOPE, place, item)
    if not isinstance(item, dict):
        return Sent(DASHSCOPE, place, Fault(place, "must be an object with a url", example))
    kind, url = item.get("type"), item.get("url")
    if kind not in types and not (kind is None and may_omit_type):
        problem = Fault(f"{place}/type", "is not a supported media type", f"Use one of {', '.join(types)}.")
        return Sent(DASHSCOPE, place, problem)
    if may_omit_type and item.keys() - {"url", "type"}:
        return Sent(DASHSCOPE, place, Fault(place, "must be an object with a url", example))
    if url is None:
        return Sent(DASHSCOPE, place, Fault(f"{place}/url", "is missing", example), type=kind or "")
    return Sent(DASHSCOPE, f"{place}/url", url, type=kind or "", named_at=f"{place}/type")


def place_of(field: MediaField, index: int, count: int) -> str:
    """Return the JSON pointer of a file in a field, in which there are ``count`` files."""
    return f"/{field.name}/{index}" if field.is_list or count > 1 else f"/{field.name}"


def _list(name: str, value: object) -> Iterator[tuple[str, object, int]]:
    if value is not None and not isinstance(value, list):
        yield (*_wrong(f"/{name}", "must be a list", 'Send a list: ["https://...", ...].'), 0)
        return
    yield from ((f"/{name}/{index}", item, more) for index, item, more in bounded(value or []))


def _single(name: str, value: object) -> Iterator[tuple[str, object, int]]:
    """Read a field with one file; a list is read as well, so that its files are counted."""
    if isinstance(value, list) and not value:
        yield (*_wrong(f"/{name}", "is an empty list", "Send one file, or omit the field."), 0)
    elif isinstance(value, list):
        field = models.media_fields()[name]
        yield from ((place_of(field, index, len(value)), item, more) for index, item, more in bounded(value))
    elif value is not None:
        yield f"/{name}", value, 0


def _input_reference(value: object) -> Iterator[tuple[str, object, int]]:
    """Read OpenAI's ``input_reference``: an image, an object with its address or id, or a list of either."""
    if isinstance(value, list):
        yield from ((*_referred(f"/{OPENAI}/{index}", item), more) for index, item, more in bounded(value))
    elif value is not None:
        yield (*_referred(f"/{OPENAI}", value), 0)


def _media(value: object) -> Iterator[Sent]:
    """Read DashScope's ``media`` in a native request: a list of objects with ``url`` and perhaps ``type``."""
    if value is not None and not isinstance(value, list):
        where, fault = _wrong(f"/{DASHSCOPE}", "must be a list", 'Send a list: [{"url": "https://..."}, ...].')
        yield Sent(DASHSCOPE, where, fault)
        return
    known = types()
    for index, item, more in bounded(value or []):
        yield replace(typed(f"/{DASHSCOPE}/{index}", item, known, may_omit_type=True), more=more)


def _referred(where: str, value: object) -> tuple[str, object]:
    if not isinstance(value, dict):
        return where, value
    names = [name for name in ("image_url", "file_id") if name in value]
    if len(names) != 1 or len(value) != 1:
        return _wrong(where, "must be an object with either image_url or file_id", 'Send {"image_url": "https://..."}.')
    return f"{where}/{names[0]}", value[names[0]]


def _wrong(where: str, problem: str, remedy: str) -> tuple[str, Fault]:
    return where, Fault(where, problem, remedy)


@frozen
class Inbox:
    """The only bucket that a request may refer to, the client that sends the request, and the words of its protocol.

    ``folders`` are the folders of the bucket that it may refer to.
    """

    bucket: str
    client: str
    words: Words
    folders: tuple[str, ...] = (uploads.PREFIX,)

    def source(self, where: str, value: object, medium: models.MediaField) -> Source | Fault:
        """Read a value that names a file of a media field; files that were found and faults are returned unchanged."""
        is_image = medium.is_image
        if isinstance(value, InlineImage) and not is_image:
            return _not_inline(where, medium)
        if isinstance(value, Fault | InlineImage | StoredImage | StoredClip):
            return value
        if isinstance(value, str):
            if uploads.is_id(value):
                return self._found(uploads.key_of(self.client, value), is_image=is_image)
            scheme = value.partition(":")[0].lower()
            if scheme == "https":
                return _linked(where, value, medium)
            if scheme == "data":
                return _inline(where, value) if is_image else _not_inline(where, medium)
            if scheme == "s3":
                return self._stored(where, value, is_image=is_image)
        reference = self.words.references if is_image else self.words.clips
        kind = "image" if is_image else medium.noun
        return Fault(where, f"is not a supported {kind} reference", f"Use {reference.format(bucket=self.bucket)}")

    def _found(self, key: str, *, is_image: bool) -> StoredImage | StoredClip:
        return StoredImage(self.bucket, key) if is_image else StoredClip(self.bucket, key)

    def _stored(self, where: str, uri: str, *, is_image: bool) -> StoredImage | StoredClip | Fault:
        bucket, _, key = uri[len("s3://") :].partition("/")
        path = key.split("/")
        if bucket != self.bucket or not key.startswith(self.folders) or {"", ".", ".."} & set(path):
            return Fault(
                where,
                "refers to an object outside uploads/ in the inbox bucket",
                f"Copy it to s3://{self.bucket}/uploads/ and use that address.",
            )
        if fault := names.fault_of(key):
            return replace(fault, pointer=where, file="")
        if len(key.encode()) > MAX_KEY_BYTES or uploads.belongs_to_another(key, self.client):
            return not_there(where)
        return self._found(key, is_image=is_image)


def _linked(where: str, address: str, medium: models.MediaField) -> LinkedImage | LinkedClip | Fault:
    url = urls.in_ascii(address)
    problem = urls.what_is_wrong_with(url)
    if problem:
        article = "Use the https address of a public"
        if medium.is_image:
            return Fault(where, problem, f"{article} image, or send the image itself.")
        return Fault(where, problem, f"{article} file, or upload the {medium.noun} itself.")
    return LinkedImage(url) if medium.is_image else LinkedClip(url)


def _not_inline(where: str, medium: models.MediaField) -> Fault:
    """Report a video in a request, which has room for a few megabytes."""
    remedy = "Upload it: POST /v1/uploads returns a form and an upload_... id. Or send its https address."
    return Fault(where, f"contains the {medium.noun} itself; only its address or id is supported", remedy)


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

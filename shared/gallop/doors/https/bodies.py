"""Bodies of requests, and the types as which they can be read."""

from __future__ import annotations

import zlib
from typing import Any

from gallop.domain.errors import BodyTooLarge, InvalidRequest, UnsupportedMediaType
from gallop.domain.faults import Fault
from gallop.domain.frozen import frozen
from gallop.domain.request import strict_json

# Lambda takes events of 6 MB, with forms in base64 and JSON with escapes. A body that is larger than this maximum, but
# small enough for Lambda, gets an answer that explains the refusal.
MAX_BODY_BYTES = 4_500_000

# zlib's number for a gzip stream.
_GZIP = 31
_PLAIN = ("", "application/json")
_UTF8 = (b"", b"utf-8", b"utf8", b"us-ascii")
_REPLACEMENT = "\ufffd"


@frozen
class Body:
    """The bytes of a body, and its declared type."""

    data: bytes
    content_type: str

    @classmethod
    def received(cls, data: bytes, content_type: str, content_coding: str) -> Body:
        """Return a body as its client wrote it, from the bytes that were sent in a content coding.

        Raises:
            BodyTooLarge: it exceeds the maximum, compressed or not.
            UnsupportedMediaType: the coding is not supported.
            InvalidRequest: the bytes are not in that coding.

        """
        sent = cls(data, content_type)
        coding = content_coding.strip().lower()
        if coding in ("", "identity"):
            return sent
        if coding not in ("gzip", "x-gzip"):
            raise UnsupportedMediaType(f"The body has an unsupported Content-Encoding: {coding[:80]!a}. Use gzip.")
        return cls(_inflated(data), content_type)

    def __post_init__(self) -> None:
        """Check the size.

        Raises:
            BodyTooLarge: it exceeds ``MAX_BODY_BYTES``.

        """
        if len(self.data) > MAX_BODY_BYTES:
            size = f"{len(self.data):,} bytes"
            raise BodyTooLarge(f"The body is too large: {size}; the maximum is {MAX_BODY_BYTES:,} bytes.")

    def _type(self) -> tuple[bytes, dict[bytes, bytes]]:
        if self.content_type in _PLAIN:
            return self.content_type.encode(), {}
        from python_multipart.multipart import parse_options_header  # noqa: PLC0415 - most requests are plain JSON

        return parse_options_header(self.content_type.encode("ascii", "replace").decode())

    def text(self) -> str:
        """Return the body as text.

        Raises:
            InvalidRequest: it is not valid UTF-8.

        """
        try:
            text = self.data.decode()
        except UnicodeDecodeError as error:
            raise _not_utf8(self.data[: error.start].decode()) from None
        # API Gateway replaces invalid bytes by this character.
        before, found, _ = text.partition(_REPLACEMENT)
        if found:
            raise _not_utf8(before)
        return text

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object; a missing type counts as JSON.

        Raises:
            UnsupportedMediaType: its declared type is not JSON.
            InvalidRequest: it is not a JSON object.

        """
        return strict_json.parse(self.json_text())

    def json_text(self) -> str:
        """Return the text of a body that should be JSON.

        Raises:
            UnsupportedMediaType: its declared type is not JSON.
            InvalidRequest: it is not valid UTF-8.

        """
        kind, options = self._type()
        is_json = kind in (b"", b"application/json") or (kind.startswith(b"application/") and kind.endswith(b"+json"))
        if not is_json or options.get(b"charset", b"").lower() not in _UTF8:
            raise UnsupportedMediaType(f"The type of the body is {self.content_type[:80]!a}.")
        return self.text()

    def fields(self) -> dict[str, Any]:
        """Return the fields of the body: a JSON object, or a form with the same fields.

        Raises:
            UnsupportedMediaType: its declared type is neither.
            InvalidRequest: it is neither.

        """
        kind, options = self._type()
        if kind == b"multipart/form-data":
            from gallop.domain.request import form  # noqa: PLC0415 - as above

            return form.read(options.get(b"boundary", b""), self.data)
        return self.json()


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj(_GZIP)
    try:
        body = inflater.decompress(data, MAX_BODY_BYTES + 1)
    except zlib.error:
        body = b""
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"The decompressed body is too large: the maximum is {MAX_BODY_BYTES:,} bytes.")
    if not inflater.eof or inflater.unused_data:
        problem = "is gzip, but the body is not one complete gzip stream"
        remedy = "Send it uncompressed: API Gateway may damage a compressed body whose type is a text."
        raise InvalidRequest([Fault("", problem, remedy, header="Content-Encoding")])
    return body


def _not_utf8(before: str) -> InvalidRequest:
    """Return the refusal of a body that has an invalid character after ``before``."""
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    remedy = "Send one JSON object, in UTF-8."
    return InvalidRequest([Fault("", "the body is not valid UTF-8", remedy, line=line, column=column)])

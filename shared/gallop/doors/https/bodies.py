"""Bodies of requests, and the types as which they can be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from python_multipart.multipart import parse_options_header

from gallop.domain.errors import BodyTooLarge, InvalidRequest, UnsupportedMediaType
from gallop.domain.faults import Fault
from gallop.domain.request import form, strict_json

# Lambda takes events of 6 MB, with forms in base64 and JSON with escapes. A body that is larger than this maximum, but
# small enough for Lambda, gets an answer that explains the refusal.
MAX_BODY_BYTES = 4_500_000

_UTF8 = (b"", b"utf-8", b"utf8", b"us-ascii")
_REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a body, and its declared type."""

    data: bytes
    content_type: str

    def __post_init__(self) -> None:
        """Check the size.

        Raises:
            BodyTooLarge: it exceeds ``MAX_BODY_BYTES``.

        """
        if len(self.data) > MAX_BODY_BYTES:
            size = f"{len(self.data):,} bytes"
            raise BodyTooLarge(f"The body is too large: {size}; the maximum is {MAX_BODY_BYTES:,} bytes.")

    def text(self) -> str:
        """Return the body as text.

        Raises:
            InvalidRequest: it is not valid UTF-8.

        """
        try:
            text = self.data.decode()
        except UnicodeDecodeError:
            text = _REPLACEMENT
        if _REPLACEMENT in text:
            # API Gateway replaces invalid bytes by this character.
            raise InvalidRequest([Fault("", "the body is not valid UTF-8", "Send one JSON object, in UTF-8.")])
        return text

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object; a missing type counts as JSON.

        Raises:
            UnsupportedMediaType: its declared type is not JSON.
            InvalidRequest: it is not a JSON object.

        """
        kind, options = parse_options_header(self.content_type)
        is_json = kind in (b"", b"application/json") or (kind.startswith(b"application/") and kind.endswith(b"+json"))
        if not is_json or options.get(b"charset", b"").lower() not in _UTF8:
            raise UnsupportedMediaType(f"The type of the body is {self.content_type[:80]!a}.")
        return strict_json.parse(self.text())

    def fields(self) -> dict[str, Any]:
        """Return the fields of the body: a JSON object, or a form with the same fields.

        Raises:
            UnsupportedMediaType: its declared type is neither.
            InvalidRequest: it is neither.

        """
        kind, options = parse_options_header(self.content_type)
        if kind == b"multipart/form-data":
            return form.read(options.get(b"boundary", b""), self.data)
        return self.json()

"""What comes with a request, and as what it may be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from python_multipart.multipart import parse_options_header

from gallop.domain.errors import BodyTooLarge, InvalidRequest, UnsupportedMediaType
from gallop.domain.faults import Fault
from gallop.domain.request import form, strict_json

# Lambda takes 6 MB of an event that has forms in base64 and JSON with escapes. What is over this limit, and gets
# through nevertheless, is told in words.
MAX_BODY_BYTES = 4_500_000

_UTF8 = (b"", b"utf-8", b"utf8", b"us-ascii")
_LOST = "\ufffd"


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a body, and the type that its sender gives it."""

    data: bytes
    content_type: str

    def __post_init__(self) -> None:
        """Refuse what is too large.

        Raises:
            BodyTooLarge: it is.

        """
        if len(self.data) > MAX_BODY_BYTES:
            size = f"{len(self.data) / 1e6:.1f} MB"
            raise BodyTooLarge(f"The body has {size}; {MAX_BODY_BYTES / 1e6:.1f} MB are the most.")

    def text(self) -> str:
        """Read text.

        Raises:
            InvalidRequest: it is none.

        """
        try:
            text = self.data.decode()
        except UnicodeDecodeError:
            text = _LOST
        if _LOST in text:
            # API Gateway puts this character where it found no character.
            raise InvalidRequest([Fault("", "the body is not text in UTF-8", "Send one JSON object, in UTF-8.")])
        return text

    def json(self) -> dict[str, Any]:
        """Read a JSON object; no type counts as JSON.

        Raises:
            UnsupportedMediaType: it is said to be something else.
            InvalidRequest: it is none.

        """
        kind, options = parse_options_header(self.content_type)
        is_json = kind in (b"", b"application/json") or (kind.startswith(b"application/") and kind.endswith(b"+json"))
        if not is_json or options.get(b"charset", b"").lower() not in _UTF8:
            raise UnsupportedMediaType(f"The body is said to be {self.content_type[:80]!a}.")
        return strict_json.parse(self.text())

    def fields(self) -> dict[str, Any]:
        """Read a JSON object, or a form with the same fields.

        Raises:
            UnsupportedMediaType: it is said to be neither.
            InvalidRequest: it is neither.

        """
        kind, options = parse_options_header(self.content_type)
        if kind == b"multipart/form-data":
            return form.read(options.get(b"boundary", b""), self.data)
        return self.json()

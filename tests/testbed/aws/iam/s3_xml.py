"""S3's XML answers: every character of a key that XML cannot carry as it is becomes a reference.

A carriage return arrives whole that way. A control character or U+FFFE does not: XML 1.0 forbids the reference, too, so
clients cannot read the answer. S3 sends it all the same, unless a listing is asked for with ``encoding-type=url``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote
from xml.sax.saxutils import unescape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Start = Callable[..., Any]
    WsgiApp = Callable[[dict[str, Any], Start], Iterable[bytes]]

_NOT_PLAIN = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
# moto encodes only the listing of objects.
_LISTINGS = {"versions", "uploads"}
_NAMES = re.compile(r"<(Key|Prefix|Delimiter|KeyMarker|NextKeyMarker)>(.*?)</\1>", re.DOTALL)
_ENTITIES = {"&#34;": '"', "&#39;": "'", "&quot;": '"'}


def escape(text: str) -> str:
    """Replace the characters that XML cannot carry by references, as S3 does."""
    return _NOT_PLAIN.sub(lambda found: f"&#x{ord(found.group()):x};", text)


def encode(text: str) -> str:
    """Encode the names in a listing as in URLs."""
    encoded = _NAMES.sub(lambda found: f"<{found[1]}>{quote(unescape(found[2], _ENTITIES))}</{found[1]}>", text)
    return re.sub(r"(</[A-Za-z]+>)\s*$", r"<EncodingType>url</EncodingType>\1", encoded)


def answer(application: WsgiApp, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """Pass a call on, and escape its answer if that is XML."""
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def remember(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:  # noqa: ANN401
        del exc_info
        begun.append((status, headers))
        return lambda _: None

    body = b"".join(application(environ, remember))
    status, headers = begun[-1]
    if any(name.lower() == "content-type" and "xml" in value for name, value in headers):
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        encoded = status.startswith("200") and query.get("encoding-type") == ["url"] and not _LISTINGS.isdisjoint(query)
        text = body.decode()
        body = escape(encode(text) if encoded else text).encode()
        kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
        headers = kept if environ["REQUEST_METHOD"] == "HEAD" else [*kept, ("Content-Length", str(len(body)))]
    start(status, headers)
    return [body]

"""Describes the HTTPS door: as OpenAPI for programs, as a page for people. It needs no API key and no permissions.

It serves the files beside it, and imports the standard library only: `make docs` writes all but the style sheet.
"""

from __future__ import annotations

import base64
import gzip
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

FOLDER = Path(__file__).parent
CACHED = {"Cache-Control": "max-age=300", "Vary": "Accept-Encoding"}
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
FILES = {
    "/openapi.json": ("openapi.json", "application/json", CACHED),
    "/docs": ("docs.html", "text/html", {**CACHED, "Content-Security-Policy": POLICY}),
    "/docs/style.css": ("style.css", "text/css", CACHED),
}
NO_SUCH_FILE = ("no_such_route.json", "application/problem+json", {"x-should-retry": "false"})


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer a request."""
    is_known = event["rawPath"] in FILES
    name, media_type, own = FILES.get(event["rawPath"], NO_SUCH_FILE)
    headers = {"Content-Type": media_type, **own, "x-request-id": event["requestContext"]["requestId"]}
    is_compressed = "gzip" in event["headers"].get("accept-encoding", "")
    if is_compressed:
        headers["Content-Encoding"] = "gzip"
    return {
        "statusCode": 200 if is_known else 404,
        "headers": headers,
        "body": compressed(name) if is_compressed else text(name),
        "isBase64Encoded": is_compressed,
    }


@cache
def text(name: str) -> str:
    """Return a file's text."""
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def compressed(name: str) -> str:
    """Return a file compressed, in base64: each process compresses it once."""
    return base64.b64encode(gzip.compress(text(name).encode(), mtime=0)).decode()

"""Describes the HTTPS door: as OpenAPI for programs, as a page for people. It needs no API key and no permissions.

It serves the files beside it, and imports the standard library only: `make docs` writes all but the style sheet.
"""

from __future__ import annotations

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
PROBLEM = "application/problem+json"
METHODS = ("GET", "HEAD")
NO_SUCH_FILE = ("no_such_route.json", PROBLEM, {"x-should-retry": "false"})
OTHER_METHOD = ("method_not_allowed.json", PROBLEM, {"x-should-retry": "false", "Allow": ", ".join(METHODS)})


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer a request. The body of a HEAD is left out by the server in front of the function."""
    status, (name, media_type, own) = found(event["requestContext"]["http"]["method"], event["rawPath"])
    headers = {"Content-Type": media_type, **own, "x-request-id": event["requestContext"]["requestId"]}
    is_compressed = "gzip" in event["headers"].get("accept-encoding", "")
    if is_compressed:
        headers["Content-Encoding"] = "gzip"
    return {
        "statusCode": status,
        "headers": headers,
        "body": compressed(name) if is_compressed else text(name),
        "isBase64Encoded": is_compressed,
    }


def found(method: str, path: str) -> tuple[int, tuple[str, str, dict[str, str]]]:
    """Return the status of the answer, and its file, media type and own headers."""
    if path not in FILES:
        return 404, NO_SUCH_FILE
    return (200, FILES[path]) if method in METHODS else (405, OTHER_METHOD)


@cache
def text(name: str) -> str:
    """Return a file's text."""
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def compressed(name: str) -> str:
    """Return a file compressed, in base64: each process compresses it once."""
    import base64  # noqa: PLC0415 - other answers start sooner without
    import gzip  # noqa: PLC0415

    return base64.b64encode(gzip.compress(text(name).encode(), mtime=0)).decode()

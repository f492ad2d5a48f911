"""Serves the page that people open in a browser. It needs no API key and no permissions.

It serves the files beside it, and imports the standard library only. What it answers depends on the path alone: the
page asks for a key itself, and sends it to the HTTPS door.

The script comes with all modules that it imports: each file is a run of this function, and a new AWS account runs ten
at a time. Another web server can serve the folder as it is.
"""

from __future__ import annotations

import base64
import os
import re
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

FOLDER = Path(__file__).parent
START, SCRIPT = "index.html", "main.js"
TYPES = {
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
METHODS = ("GET", "HEAD")
PROBLEM = "application/problem+json"
NO_SUCH_FILE, OTHER_METHOD = "no_such_route.json", "method_not_allowed.json"
REFUSALS = {NO_SUCH_FILE: {}, OTHER_METHOD: {"Allow": ", ".join(METHODS)}}
# How zlib names the format with gzip's header. The module gzip would take a tenth of a cold start.
GZIP = 31
# The two forms that the page's modules use, each at the beginning of a line. Compiled where they are used, because the
# first file that a browser asks for needs neither.
IMPORT = r'(?m)^import \{([^}]*)\} from "\./([^"]+)";$'
EXPORT = r"(?m)^export (?=(?:async function|function|const|class) (\w+))"


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer a request. The body of a HEAD is left out by the server in front of the function."""
    status, name, headers = found(event["requestContext"]["http"]["method"], event["rawPath"])
    headers = {**headers, **protection(), "x-request-id": event["requestContext"]["requestId"]}
    if status == 200 and has_seen(event["headers"].get("if-none-match", ""), headers["ETag"]):  # noqa: PLR2004 - HTTP's
        return {"statusCode": 304, "headers": headers}
    is_compressed = "gzip" in event["headers"].get("accept-encoding", "")
    if is_compressed:
        headers["Content-Encoding"] = "gzip"
    body = compressed(name) if is_compressed else base64.b64encode(content(name)).decode()
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": True}


def found(method: str, path: str) -> tuple[int, str, dict[str, str]]:
    """Return the status of the answer, and its file and own headers."""
    name = START if path == "/app" else path.removeprefix("/app/")
    if name not in names():
        return 404, NO_SUCH_FILE, refusal(NO_SUCH_FILE)
    if method not in METHODS:
        return 405, OTHER_METHOD, refusal(OTHER_METHOD)
    # Checked at each visit, so that after an update no old file is used beside a new one.
    cached = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    return 200, name, {"Content-Type": TYPES[Path(name).suffix], "ETag": tag(name), **cached}


def refusal(name: str) -> dict[str, str]:
    """Return the headers of a refusal."""
    return {"Content-Type": PROBLEM, "x-should-retry": "false", **REFUSALS[name]}


def protection() -> dict[str, str]:
    """Return the headers that protect the page, and the key in it."""
    return {
        "Content-Security-Policy": policy(),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


@cache
def policy() -> str:
    """Return what the page may load and connect to: its own files, the HTTPS door, and the two buckets."""
    inbox, results = inbox_origins(), results_origins()
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' blob: data: {results}",
            f"media-src blob: {results}",
            f"connect-src 'self' {inbox}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def inbox_origins() -> str:
    """Return the addresses of the inbox, to which forms upload files."""
    return os.environ["INBOX_ORIGINS"]


def results_origins() -> str:
    """Return the addresses of the results bucket, which has videos and thumbnails."""
    return os.environ["RESULTS_ORIGINS"]


def has_seen(if_none_match: str, etag: str) -> bool:
    """Return whether a browser already has the file with this ETag."""
    return if_none_match.strip() == "*" or etag.removeprefix("W/") in if_none_match


@cache
def names() -> frozenset[str]:
    """Return the names of the files that are served: a name is looked up here, and never joined to a path."""
    return frozenset(path.name for path in FOLDER.iterdir() if path.suffix in TYPES) - REFUSALS.keys()


@cache
def content(name: str) -> bytes:
    """Return a file's content; of the script, with all modules that it imports, each before those that import it."""
    if name != SCRIPT:
        return (FOLDER / name).read_bytes()
    return "\n".join(scope(module) for module in modules(SCRIPT)).encode()


@cache
def modules(name: str) -> list[str]:
    """Return the names of all modules that one needs, in the order in which they run; circles are not supported."""
    imported = [found for _, found in re.findall(IMPORT, source(name))]
    return list(dict.fromkeys([*(inner for module in imported for inner in modules(module)), name]))


def scope(name: str) -> str:
    """Return a module as an object of what it exports, so that its other names stay its own."""
    text = re.sub(IMPORT, taken, source(name))
    exported = ", ".join(re.findall(EXPORT, text))
    return f"// {name}\nconst {variable(name)} = (() => {{\n{re.sub(EXPORT, '', text)}\nreturn {{{exported}}};\n}})();"


def taken(found: re.Match[str]) -> str:
    """Return an import as what it takes from the other module's object."""
    return f"const {{{found[1].replace(' as ', ': ')}}} = {variable(found[2])};"


def variable(name: str) -> str:
    """Return the name of a module's object."""
    return "$" + re.sub(r"\W", "_", name)


@cache
def source(name: str) -> str:
    """Return a module's own text."""
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def tag(name: str) -> str:
    """Return a file's ETag: a weak one, because it is the same for the compressed file."""
    # hashlib would take another tenth of a cold start. Of two versions of a file, one in four billion has the same sum.
    return f'W/"{zlib.crc32(content(name)):08x}-{len(content(name)):x}"'


@cache
def compressed(name: str) -> str:
    """Return a file compressed, in base64: each process compresses it once."""
    return base64.b64encode(zlib.compress(content(name), wbits=GZIP)).decode()

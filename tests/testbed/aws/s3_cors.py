"""The answers of S3 to browsers, by the CORS rules of each bucket; moto itself lets every web page read everything.

As AWS's page "How does Amazon S3 evaluate the CORS configuration on a bucket?" says: the first rule decides whose
origins, methods and headers all match. A preflight without one is refused; another request is answered, without the
headers that let a page read the answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.s3.models import s3_backends

from .account import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Start = Callable[..., Any]
    WsgiApp = Callable[[dict[str, Any], Start], Iterable[bytes]]

_NO_ORIGIN = "Insufficient information. Origin request header needed."
_NO_RULES = "CORSResponse: CORS is not enabled for this bucket."
_NO_MATCH = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method "
    "/ Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


@dataclass(frozen=True, slots=True)
class S3Cors:
    """A WSGI application around that of the buckets."""

    application: WsgiApp
    on_aws: Callable[[str], str]
    """Returns the origin that a page would have on AWS: the rules of a template name that one."""

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        """Answer a preflight; add the headers of the rule that matches to the answer of any other request."""
        origin = environ.get("HTTP_ORIGIN", "")
        if environ["REQUEST_METHOD"] == "OPTIONS":
            return self._preflight(environ, origin, start_response)
        rule = self._rule(environ, origin, environ["REQUEST_METHOD"], ()) if origin else None
        added = [] if rule is None else _headers(rule, origin)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:  # noqa: ANN401
            own = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
            return start_response(status, [*own, *added], exc_info)

        return self.application(environ, start)

    def _preflight(self, environ: dict[str, Any], origin: str, start: Start) -> Iterable[bytes]:
        method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "")
        if not origin or not method:
            return _refuse("400 Bad Request", "BadRequest", _NO_ORIGIN, start)
        if not _rules(environ):
            return _refuse("403 Forbidden", "AccessForbidden", _NO_RULES, start)
        sent = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        wanted = [name.strip().lower() for name in sent.split(",") if name.strip()]
        rule = self._rule(environ, origin, method, wanted)
        if rule is None:
            return _refuse("403 Forbidden", "AccessForbidden", _NO_MATCH, start)
        allowed = [("Access-Control-Allow-Headers", ", ".join(wanted))] if wanted else []
        start("200 OK", [*_headers(rule, origin), *allowed, ("Content-Length", "0")])
        return [b""]

    def _rule(self, environ: dict[str, Any], origin: str, method: str, headers: Sequence[str]) -> Any:  # noqa: ANN401
        there = self.on_aws(origin)
        return next((rule for rule in _rules(environ) if _takes(rule, there, method, headers)), None)


def _rules(environ: dict[str, Any]) -> Sequence[Any]:
    bucket = s3_backends[ACCOUNT]["aws"].buckets.get(environ["PATH_INFO"].strip("/").partition("/")[0])
    return bucket.cors if bucket else ()


def _takes(rule: Any, origin: str, method: str, headers: Sequence[str]) -> bool:  # noqa: ANN401 - moto's
    is_known = all(any(_matches(one, name) for one in rule.allowed_headers or ()) for name in headers)
    return is_known and method in rule.allowed_methods and any(_matches(one, origin) for one in rule.allowed_origins)


def _matches(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern with at most one ``*``; names of headers are in lower case."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.IGNORECASE) is not None


def _headers(rule: Any, origin: str) -> list[tuple[str, str]]:  # noqa: ANN401 - moto's
    is_for_all = "*" in rule.allowed_origins
    headers = [
        ("Access-Control-Allow-Origin", "*" if is_for_all else origin),
        ("Access-Control-Allow-Methods", ", ".join(rule.allowed_methods)),
        ("Vary", _VARY),
    ]
    if not is_for_all:
        headers.append(("Access-Control-Allow-Credentials", "true"))
    if rule.exposed_headers:
        headers.append(("Access-Control-Expose-Headers", ", ".join(rule.exposed_headers)))
    if rule.max_age_seconds:
        headers.append(("Access-Control-Max-Age", str(rule.max_age_seconds)))
    return headers


def _refuse(status: str, code: str, message: str, start: Start) -> Iterable[bytes]:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    body = text.encode()
    start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]

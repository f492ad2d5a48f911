"""The check in front of moto: every call needs a known key, a valid signature if it is presigned, and permission."""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from . import asks_s3, browser_post, refusals, s3_requests, s3_xml
from .ask import Ask, Call
from .asks import identify
from .authority import Refused
from .signature import BadSignature, Credential, check_presigned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .authority import Authority
    from .identities import Identities
    from .refusals import Response

    Start = Callable[..., Any]
    WsgiApp = Callable[[dict[str, Any], Start], Iterable[bytes]]

_LARGEST_NAMED_BODY = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Gatekeeper:
    """A WSGI application around moto's."""

    application: WsgiApp
    authority: Authority
    identities: Identities
    age: Callable[[float], float]
    """Returns the simulated seconds since a moment of real time, by which requests are signed."""
    locks: Mapping[str, Lock] = field(default_factory=lambda: {name: Lock() for name in ("dynamodb", "states")})
    """Services whose calls run one at a time: moto checks a condition and writes in two steps."""

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        """Pass a call on, or refuse it as AWS does."""
        start = _with_request_id(start_response)
        if browser_post.is_signed_form(environ):
            return self._store_form(environ, start)
        credential, presigned = _credential(environ)
        call = _call(environ, credential)
        refusal = self._refusal(call, credential, presigned=presigned)
        if refusal is not None:
            return _answer(refusal, start)
        if call.service in self.locks:
            with self.locks[call.service]:
                return self.application(environ, start)
        if call.service != "s3" or credential is None:
            return self.application(environ, start)
        bucket = asks_s3.object_read(call)
        if bucket is None:
            return s3_xml.answer(self.application, environ, start)
        return self._read_object(call, credential, bucket, environ, start)

    def _refusal(self, call: Call, credential: Credential | None, *, presigned: bool) -> Response | None:
        refusal = s3_requests.refusal(call) if call.service == "s3" else None
        if refusal is not None:
            return refusal
        if credential is None:
            return refusals.denied(call, "Access Denied")
        principal = self.identities.principal(credential.access_key_id)
        if principal is None:
            return refusals.unknown_key(call)
        try:
            if presigned:
                check_presigned(call, principal.secret, self.age)
            for ask in identify(call):
                self.authority.require(principal, ask)
        except BadSignature as error:
            return refusals.s3(call, error.status, error.code, str(error))
        except Refused as error:
            return refusals.denied(call, str(error))
        return None

    def _store_form(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """Store the object of a signed form."""
        call = _call(environ, None)
        try:
            form = browser_post.read(environ)
            refusal = s3_requests.too_long(call, form.key)
            if refusal is not None:
                return _answer(refusal, start)
            principal = self.identities.principal(form.credential().access_key_id)
            if principal is None:
                return _answer(refusals.unknown_key(call), start)
            browser_post.check(form, principal, self.age)
            self.authority.require(principal, form.ask)
        except BadSignature as error:
            return _answer(refusals.s3(call, error.status, error.code, str(error)), start)
        except Refused as error:
            return _answer(refusals.denied(call, str(error)), start)

        def start_empty(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:  # noqa: ANN401
            done = status.startswith("200")
            return start("204 No Content" if done else status, headers, exc_info)

        return self.application(browser_post.as_put(form, environ), start_empty)

    def _read_object(
        self, call: Call, credential: Credential, bucket: str, environ: dict[str, Any], start: Start
    ) -> Iterable[bytes]:
        """Turn a 404 into a 403 for callers that may not list the bucket: S3 does not show them what is missing."""
        started: list[Any] = []

        def remember(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:  # noqa: ANN401
            if status.startswith("404") and "NoSuchBucket" not in status:
                started.append(status)
                return lambda _: None
            return start(status, headers, exc_info)

        body = self.application(environ, remember)
        if not started:
            return body
        parts = list(body)
        principal = self.identities.principal(credential.access_key_id)
        ask = Ask("s3:ListBucket", f"arn:aws:s3:::{bucket}")
        if principal is not None and not self.authority.allows(principal, ask):
            return _answer(refusals.denied(call, "Access Denied"), start)
        start(started[0], [("Content-Type", "application/xml"), ("Content-Length", str(sum(map(len, parts))))])
        return parts


def _with_request_id(start: Start) -> Start:
    """Add AWS's request ID to every response; moto omits it from some, and its interpreter relies on it."""

    def start_with_id(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:  # noqa: ANN401
        names = {name.lower() for name, _ in headers}
        if names.isdisjoint(("x-amzn-requestid", "x-amz-request-id")):
            headers = [*headers, ("x-amzn-RequestId", str(uuid.uuid4()))]
        return start(status, headers, exc_info)

    return start_with_id


def _credential(environ: dict[str, Any]) -> tuple[Credential | None, bool]:
    """Return the credential in a call's header or URL, and whether the URL is presigned."""
    header = environ.get("HTTP_AUTHORIZATION", "")
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    named = query.get("X-Amz-Credential")
    try:
        if header.startswith("AWS4-HMAC-SHA256 "):
            return Credential.parse(header.split("Credential=", 1)[1].split(",", 1)[0].strip()), False
        return (Credential.parse(named), True) if named else (None, False)
    except (ValueError, IndexError):
        return None, False


def _call(environ: dict[str, Any], credential: Credential | None) -> Call:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    service = credential.service if credential else "s3"
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    method = environ["REQUEST_METHOD"]
    named_in_body = service != "s3" or (method == "POST" and "delete" in query)
    return Call(
        service=service,
        region=credential.region if credential else "",
        method=method,
        path=environ["RAW_URI"].partition("?")[0],
        query=query,
        headers=headers,
        body=_body(environ) if named_in_body and service != "lambda" else b"",
    )


def _body(environ: dict[str, Any]) -> bytes:
    """Read the body and make it readable again."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = environ["wsgi.input"].read(min(length, _LARGEST_NAMED_BODY))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _answer(response: Response, start: Start) -> Iterable[bytes]:
    start(f"{response.status} -", [*response.headers, ("Content-Length", str(len(response.body)))])
    return [response.body]

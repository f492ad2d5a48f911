"""Requests as events of payload format 2.0, and replies of functions as responses."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .routes import Route

_TEXT = ("application/json", "application/xml", "application/javascript")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A received request: header names in lower case, in order, with repetitions."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    source_ip: str
    protocol: str = "HTTP/1.1"
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def decoded_path(self) -> str:
        """The path as HTTP APIs pass it on, unlike REST APIs: decoded, and cut at a decoded ``?``."""
        return unquote(self.path).partition("?")[0]

    def header(self, name: str) -> str | None:
        """Return a header, or None; repetitions are joined by commas."""
        values = [value for key, value in self.headers if key == name]
        return ",".join(values) if values else None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response to send."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    refused: bool = False
    """Whether it is the gateway's own, instead of a function's."""


@dataclass(frozen=True, slots=True)
class Api:
    """The facts about the API that every event contains."""

    api_id: str
    account: str
    region: str
    now: Callable[[], float]
    """Returns the simulated time, in seconds since the epoch."""

    def arn(self, part: str) -> str:
        """Return the ARN of a route or an authorizer of the API."""
        return f"arn:aws:execute-api:{self.region}:{self.account}:{self.api_id}/{part}"


def refusal(status: int, message: str) -> HttpResponse:
    """Return an error response of the gateway itself."""
    body = json.dumps({"message": message}).encode()
    return HttpResponse(status, [("content-type", "application/json")], body, refused=True)


def event(
    api: Api, route: Route, request: HttpRequest, parameters: Mapping[str, str], authorized: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Create the event for a route's function; ``authorized`` is the authorizer's context."""
    context = request_context(api, route, request)
    if authorized is not None:
        context["authorizer"] = {"lambda": dict(authorized)}
    made = {
        "version": "2.0",
        "routeKey": route.key,
        **_common(request, parameters),
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if request.body:
        made["isBase64Encoded"] = not _is_text(request.header("content-type"))
        encoded = (
            base64.b64encode(request.body).decode()
            if made["isBase64Encoded"]
            else request.body.decode("utf-8", "replace")
        )
        made["body"] = encoded
    return made


def authorizer_event(
    api: Api, route: Route, request: HttpRequest, parameters: Mapping[str, str], identity: Sequence[str]
) -> dict[str, Any]:
    """Create the event for a route's authorizer, which never sees the body."""
    path = "" if route.path == "$default" else route.path
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": api.arn(f"$default/{request.method}{path}"),
        "identitySource": list(identity) or None,
        "routeKey": route.key,
        **_common(request, parameters),
        "requestContext": request_context(api, route, request),
    }


def request_context(api: Api, route: Route, request: HttpRequest) -> dict[str, Any]:
    """Describe when and where the request was made, and by whom."""
    now = datetime.fromtimestamp(api.now(), UTC)
    domain = request.header("host") or f"{api.api_id}.execute-api.{api.region}.amazonaws.com"
    return {
        "accountId": api.account,
        "apiId": api.api_id,
        "domainName": domain,
        "domainPrefix": domain.split(".", 1)[0],
        "http": {
            "method": request.method,
            "path": request.decoded_path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent") or "",
        },
        "requestId": request.request_id,
        "routeKey": route.key,
        "stage": "$default",
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now.timestamp() * 1000),
    }


def _common(request: HttpRequest, parameters: Mapping[str, str]) -> dict[str, Any]:
    headers: dict[str, str] = {}
    for name, value in request.headers:
        if name != "cookie":
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    made: dict[str, Any] = {"rawPath": request.decoded_path, "rawQueryString": request.query, "headers": headers}
    cookies = request.header("cookie")
    if cookies:
        made["cookies"] = [cookie.strip() for cookie in cookies.split(";") if cookie.strip()]
    query: dict[str, str] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    if query:
        made["queryStringParameters"] = query
    if parameters:
        made["pathParameters"] = dict(parameters)
    return made


def _is_text(content_type: str | None) -> bool:
    kind = (content_type or "").partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in _TEXT or kind.endswith(("+json", "+xml"))


def response(payload: str) -> HttpResponse | None:
    """Convert a function's reply to a response; None if API Gateway could not read it either."""
    reply = json.loads(payload)
    if not isinstance(reply, dict) or "statusCode" not in reply:
        # A reply without a status code is the body of a success.
        body = reply if isinstance(reply, str) else json.dumps(reply)
        return HttpResponse(200, [("content-type", "application/json")], body.encode())
    try:
        return HttpResponse(int(reply["statusCode"]), _headers(reply), _body(reply))
    except (TypeError, ValueError, AttributeError):
        return None


def _headers(reply: Mapping[str, Any]) -> list[tuple[str, str]]:
    headers = [(str(name).lower(), _text(value)) for name, value in (reply.get("headers") or {}).items()]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    return headers + [("set-cookie", str(cookie)) for cookie in reply.get("cookies") or []]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _body(reply: Mapping[str, Any]) -> bytes:
    body = reply.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise TypeError("the body of a reply must be a string")
    if not reply.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise ValueError("the body is not base64") from error

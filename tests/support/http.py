"""Requests of the HTTPS door as API Gateway hands them over (payload format 2.0)."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx
from gallop.domain.placement import placement_from
from gallop.doors.https.identity import Caller

from tests.support.faults import details

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.simulated import Simulated

# Field, name of the file, bytes, media type.
File = tuple[str, tuple[str, bytes, str]]
Body = str | bytes | dict[str, Any] | list[Any] | None
TEXT = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client gets to see."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> dict[str, Any]:
        """The body, parsed."""
        parsed: dict[str, Any] = json.loads(self.text)
        return parsed

    @property
    def faults(self) -> dict[str, str]:
        """The problems by their pointers, of a problem+json that names faults."""
        assert (400, "application/problem+json") == (self.status, self.headers["Content-Type"])
        return details(self.json["errors"])


@dataclass(frozen=True, slots=True)
class Client:
    """A client whose key the authorizer knows, or an operator; a nameless one has none.

    ``bound`` is where the key lets jobs run, as ``region=eu``.
    """

    sandbox: Simulated
    name: str = "ada"
    is_admin: bool = False
    bound: str = ""

    def post(self, body: Body, **headers: str) -> Answer:
        """Create a video; ``x_stainless_lang`` is the header ``x-stainless-lang``."""
        return self._call("SubmitFunction", "POST", "/v1/videos", body, headers)

    def post_form(self, data: Mapping[str, Any], files: Sequence[File] = (), **headers: str) -> Answer:
        """Create a video with a form."""
        content_type, body = form(data, files)
        return self.post(body, content_type=content_type, **headers)

    def upload(self, body: Body, **headers: str) -> Answer:
        """Ask for a form that uploads an image."""
        return self._call("SubmitFunction", "POST", "/v1/uploads", body, headers)

    def get(self, path: str, **headers: str) -> Answer:
        """Ask the read side."""
        return self._call("VideosFunction", "GET", path, None, headers)

    def call(self, function: str, method: str, path: str, body: Body = None, **headers: str) -> Answer:
        """Make any call of a function."""
        return self._call(function, method, path, body, headers)

    def delete(self, job_id: str, **headers: str) -> Answer:
        """Delete a job."""
        return self._call("VideosFunction", "DELETE", f"/v1/videos/{job_id}", None, headers)

    def cancel(self, job_id: str, **headers: str) -> Answer:
        """Cancel a job."""
        return self._call("VideosFunction", "POST", f"/v1/videos/{job_id}/cancel", None, headers)

    def _call(self, function: str, method: str, path: str, body: Body, headers: Mapping[str, str]) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        caller = Caller(self.name, self.is_admin, bound=placement_from(self.bound))
        answer = self.sandbox.invoke(function, event(method, path, body, sent, caller))
        shown = {**answer.get("headers", {}), **{n: v[0] for n, v in answer.get("multiValueHeaders", {}).items()}}
        return Answer(answer["statusCode"], shown, answer["body"])


def form(data: Mapping[str, Any], files: Sequence[File] = ()) -> tuple[str, bytes]:
    """Write a form as HTTP clients do, with a boundary of its own; gives its type and its bytes."""
    text: list[Any] = [
        (name, (None, value))
        for name, values in data.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    request = httpx.Request("POST", "https://api.example.com", files=[*text, *files])
    return request.headers["Content-Type"], request.read()


def event(method: str, path: str, body: Body, headers: Mapping[str, str], caller: Caller) -> dict[str, Any]:
    """Give an event in the shape that API Gateway documents; bytes come in base64, as other media types do."""
    authorized = {"problem": "The request has no API key."}
    if caller.client:
        authorized = {**asdict(caller), "bound": caller.bound.text}
    path, _, query = path.partition("?")
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        "queryStringParameters": _joined(query),
        "headers": {"content-type": TEXT, "host": "api.example.com", **headers},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "authorizer": {"lambda": authorized},
            "domainName": "api.example.com",
            "domainPrefix": "api",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "tests",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": f"{method} {path}",
            "stage": "$default",
            "time": "22/Nov/2026:13:00:00 +0000",
            "timeEpoch": 1795352400000,
        },
        "isBase64Encoded": isinstance(body, bytes),
    }
    if body is not None:
        made["body"] = _encoded(body)
    return made


def _joined(query: str) -> dict[str, str]:
    """Give the parameters of a query, those of one name joined by commas."""
    joined: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _encoded(body: str | bytes | dict[str, Any] | list[Any]) -> str:
    if isinstance(body, bytes):
        return base64.b64encode(body).decode()
    return body if isinstance(body, str) else json.dumps(body)

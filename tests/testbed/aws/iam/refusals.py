"""Refusals in the format of each service, so that SDKs raise what they raise on AWS."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .ask import Call

_CORAL = {"dynamodb": "com.amazon.coral.service#"}


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes = field(repr=False)


def denied(call: Call, message: str) -> Response:
    """Return the response to a call that is not allowed."""
    if call.service == "s3":
        return s3(call, 403, "AccessDenied", message)
    if call.service == "lambda":
        return _json(403, {"Message": message}, ("x-amzn-ErrorType", "AccessDeniedException"))
    if call.service == "sqs":
        body = {"__type": "com.amazonaws.sqs#AccessDenied", "message": message}
        return _json(403, body, ("x-amzn-query-error", "AccessDenied;Sender"))
    if "x-amz-target" in call.headers:
        return _json(400, {"__type": f"{_CORAL.get(call.service, '')}AccessDeniedException", "Message": message})
    return _query(403, "AccessDenied", message)


def unknown_key(call: Call) -> Response:
    """Return the response to an unknown access key."""
    if call.service == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records."
        return s3(call, 403, "InvalidAccessKeyId", message)
    message = "The security token included in the request is invalid."
    if "x-amz-target" in call.headers:
        name = f"{_CORAL.get(call.service, '')}UnrecognizedClientException"
        return _json(400, {"__type": name, "message": message})
    if call.service == "lambda":
        return _json(403, {"Message": message}, ("x-amzn-ErrorType", "UnrecognizedClientException"))
    return _query(403, "InvalidClientTokenId", message)


def s3(call: Call, status: int, code: str, message: str, details: Mapping[str, str] = MappingProxyType({})) -> Response:
    """Return S3's error response, with further elements that some errors have; for a HEAD it has no body."""
    further = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in details.items())
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{escape(message)}</Message>'
        f"{further}<RequestId>{secrets.token_hex(8).upper()}</RequestId><HostId>{secrets.token_hex(16)}</HostId></Error>"
    )
    return Response(status, [("Content-Type", "application/xml")], b"" if call.method == "HEAD" else text.encode())


def _json(status: int, body: dict[str, str], *headers: tuple[str, str]) -> Response:
    return Response(status, [("Content-Type", "application/x-amz-json-1.0"), *headers], json.dumps(body).encode())


def _query(status: int, code: str, message: str) -> Response:
    text = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        f"<RequestId>{secrets.token_hex(16)}</RequestId></ErrorResponse>"
    )
    return Response(status, [("Content-Type", "text/xml")], text.encode())

"""What S3 refuses before it looks at permissions: two ways to sign at once, and keys that are too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import asks_s3, refusals

if TYPE_CHECKING:
    from .ask import Call
    from .refusals import Response

MAX_KEY_BYTES = 1024
_TWO_MECHANISMS = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or "
    "the Authorization header should be specified"
)


def refusal(call: Call) -> Response | None:
    """Return S3's response to a request that it refuses from everybody; None for all others."""
    header = call.headers.get("authorization")
    if header is not None and not {"X-Amz-Algorithm", "Signature"}.isdisjoint(call.query):
        return _invalid_authorization(call, _TWO_MECHANISMS, header)
    if header is not None and not header.startswith("AWS"):
        return _invalid_authorization(call, "Unsupported Authorization Type", header)
    if "AWSAccessKeyId" in call.query:
        message = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
        return refusals.s3(call, 400, "InvalidRequest", message)
    return too_long(call, asks_s3.split(call.path)[1])


def too_long(call: Call, key: str) -> Response | None:
    """Return S3's response to a key that is longer than S3 allows, in bytes of UTF-8; None for all others."""
    size = len(key.encode("utf-8", "surrogateescape"))
    if size <= MAX_KEY_BYTES:
        return None
    details = {"Size": str(size), "MaxSizeAllowed": str(MAX_KEY_BYTES)}
    return refusals.s3(call, 400, "KeyTooLongError", "Your key is too long", details)


def _invalid_authorization(call: Call, message: str, header: str) -> Response:
    details = {"ArgumentName": "Authorization", "ArgumentValue": header}
    return refusals.s3(call, 400, "InvalidArgument", message, details)

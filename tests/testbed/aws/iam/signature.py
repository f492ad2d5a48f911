"""Signature Version 4, checked: a presigned URL that was changed or has expired is refused as on S3."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .ask import Call

_ALGORITHM = "AWS4-HMAC-SHA256"


class BadSignature(Exception):
    """Why S3 refuses a presigned URL: its error code and its message."""

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        """Keep S3's error code, message and HTTP status."""
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Credential:
    """The credential in a request: a key, and the scope that it was derived for."""

    access_key_id: str
    date: str
    region: str
    service: str

    @classmethod
    def parse(cls, text: str) -> Credential:
        """Parse ``key/date/region/service/aws4_request``; raise ``ValueError`` if it is invalid."""
        key, date, region, service, terminator = text.split("/")
        if terminator != "aws4_request":
            raise ValueError(text)
        return cls(key, date, region, service)

    @property
    def scope(self) -> str:
        """The scope of the signing key."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    def sign(self, secret: str, text: str) -> str:
        """Return the signature of a text, in hexadecimal."""
        key = f"AWS4{secret}".encode()
        for part in (self.date, self.region, self.service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()


def check_presigned(call: Call, secret: str, age: Callable[[float], float]) -> None:
    """Check signature and expiration of a presigned URL; ``age`` returns the simulated seconds since its real date."""
    query = call.query
    credential = Credential.parse(query["X-Amz-Credential"])
    signed_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if age(signed_at.timestamp()) > int(query["X-Amz-Expires"]):
        raise BadSignature("AccessDenied", "Request has expired")
    expected = credential.sign(secret, _string_to_sign(call, credential))
    if not hmac.compare_digest(expected, query.get("X-Amz-Signature", "")):
        message = (
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method."
        )
        raise BadSignature("SignatureDoesNotMatch", message)


def _string_to_sign(call: Call, credential: Credential) -> str:
    headers = call.query["X-Amz-SignedHeaders"].split(";")
    canonical = "\n".join(
        [
            call.method,
            call.path,
            _canonical_query(call.query),
            *(f"{name}:{' '.join(call.headers.get(name, '').split())}" for name in headers),
            "",
            ";".join(headers),
            call.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return "\n".join([_ALGORITHM, call.query["X-Amz-Date"], credential.scope, digest])


def _canonical_query(query: Mapping[str, str]) -> str:
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in query.items()
        if name != "X-Amz-Signature"
    )
    return "&".join(f"{name}={value}" for name, value in pairs)

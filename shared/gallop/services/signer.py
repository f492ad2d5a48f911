"""Who signs Content Credentials: the certificate of the stack's owner, from its secret."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from gallop import clock, settings
from gallop.adapters import secrets
from gallop.domain import certificates, manifest
from gallop.domain.credentials import CannotSign, Unsigned
from gallop.domain.errors import AwsTrouble
from gallop.media import signing

if TYPE_CHECKING:
    from gallop.domain.certificates import Identity

# A file type box: the smallest MP4 file that has a place for a manifest.
_SMALLEST = b"\0\0\0\x14ftypisom\0\0\0\0isom"


def identity() -> Identity:
    """Return the certificate and its key.

    Raises:
        CannotSign: they cannot be read, are not complete, or are not valid now.

    """
    try:
        secret = secrets.signing_certificate(settings.content_credentials_secret_arn())
    except AwsTrouble as error:
        raise CannotSign(Unsigned.SECRET_UNREADABLE, str(error)) from error
    found = certificates.read(secret)
    if found is None or not found.key:
        raise CannotSign(Unsigned.SECRET_INVALID)
    if not found.algorithm:
        raise CannotSign(Unsigned.REFUSED)
    if clock.now() < found.valid_from:
        raise CannotSign(Unsigned.NOT_YET_VALID)
    if clock.now() >= found.valid_until:
        raise CannotSign(Unsigned.EXPIRED)
    return found


def trial() -> dict[str, Any]:
    """Sign the smallest file; return why that is impossible, if it is, and until when the certificate is valid."""
    # A certificate that was replaced a moment ago counts.
    secrets.clear_cache()
    try:
        found = identity()
        signing.sign(io.BytesIO(_SMALLEST), io.BytesIO(), found, manifest.trial())
    except CannotSign as cannot:
        return {"code": cannot.why.value, "reason": str(cannot), "detail": cannot.detail}
    return {"code": "", "valid_until": found.valid_until}

"""Who signs Content Credentials: the certificate of the stack's owner, from its secret."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO

from gallop import clock, settings
from gallop.adapters import secrets, signing_key
from gallop.domain import certificates
from gallop.domain import manifest as manifests
from gallop.domain.credentials import CannotSign, Unsigned
from gallop.domain.errors import AwsTrouble
from gallop.media import signing

if TYPE_CHECKING:
    from gallop.domain.certificates import Identity
    from gallop.domain.manifest import Manifest

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
    found, is_remote = certificates.read(secret), bool(settings.content_credentials_key_arn())
    if found is None or not (found.key or is_remote):
        raise CannotSign(Unsigned.SECRET_INVALID)
    if not found.algorithm or (is_remote and found.algorithm not in signing_key.ALGORITHMS):
        raise CannotSign(Unsigned.REFUSED, "its public key is of a kind that cannot be used")
    if clock.now() < found.valid_from:
        raise CannotSign(Unsigned.NOT_YET_VALID)
    if clock.now() >= found.valid_until:
        raise CannotSign(Unsigned.EXPIRED)
    return found


def sign(video: BinaryIO, signed: BinaryIO, identity: Identity, manifest: Manifest) -> None:
    """Write a video into another file, signed by this identity, whose private key may be in KMS.

    Raises:
        CannotSign: the key, the certificate or the video cannot be used.

    """
    key_arn = settings.content_credentials_key_arn()

    def by_kms(message: bytes) -> bytes:
        try:
            return signing_key.sign(key_arn, identity.algorithm, message)
        except AwsTrouble as error:
            raise CannotSign(Unsigned.KEY_REFUSED, str(error)) from error

    signing.sign(video, signed, identity, manifest, by_kms if key_arn else None)


def trial() -> dict[str, Any]:
    """Sign the smallest file; return why that is impossible, if it is, and until when the certificate is valid."""
    # A certificate that was replaced a moment ago counts.
    secrets.clear_cache()
    try:
        found = identity()
        sign(io.BytesIO(_SMALLEST), io.BytesIO(), found, manifests.trial())
    except CannotSign as cannot:
        return {"code": cannot.why.value, "reason": str(cannot), "detail": cannot.detail}
    return {"code": "", "valid_until": found.valid_until}

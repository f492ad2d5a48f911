"""Signs a video: writes it, with a manifest of Content Credentials, into a second file (C2PA).

The library reads and writes in pieces: it takes little memory, whatever the size of the video.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from gallop.domain.credentials import CannotSign, Unsigned

if TYPE_CHECKING:
    from collections.abc import Callable

    import c2pa

    from gallop.domain.certificates import Identity
    from gallop.domain.manifest import Manifest

    # Returns the signature of a message.
    Signing = Callable[[bytes], bytes]

# Files of a few megabytes are kept in memory, and larger ones on the disk. Nothing is fetched that a video refers to.
_SETTINGS = {
    "core": {"backing_store_memory_threshold_in_mb": 64},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}
_MP4 = "video/mp4"


def sign(
    video: BinaryIO,
    signed: BinaryIO,
    identity: Identity,
    manifest: Manifest,
    by: Signing | None = None,
) -> None:
    """Write a video into another file, signed: with the key of the identity, or ``by`` what returns signatures.

    Raises:
        CannotSign: the library refuses the certificate, its key, or the video; or ``by`` does.

    """
    import c2pa  # noqa: PLC0415 - a library of 50 MB, which only the function that signs has

    remote = _Remote(by) if by else None
    try:
        signer = _signer(identity, remote)
    except c2pa.C2paError as error:
        raise CannotSign(Unsigned.REFUSED, _words(error)) from error
    builder = c2pa.Builder(manifest.definition, c2pa.Context.from_dict(_SETTINGS))
    try:
        if manifest.parent:
            builder.add_ingredient(manifest.parent, _MP4, video)
        builder.sign(signer, _MP4, video, signed)
    except c2pa.C2paError.Signature as error:
        raise (remote and remote.error) or CannotSign(Unsigned.REFUSED, _words(error)) from error
    except c2pa.C2paError as error:
        raise CannotSign(Unsigned.VIDEO_REFUSED, _words(error)) from error


class _Remote:
    """Signs elsewhere, and keeps why it could not: the library loses that."""

    def __init__(self, by: Signing) -> None:
        self._by = by
        self.error: CannotSign | None = None

    def __call__(self, message: bytes) -> bytes:
        try:
            return self._by(message)
        except CannotSign as error:
            self.error = error
            # Which the library takes for a failure, too, and logs nothing of it.
            return b""


def _signer(identity: Identity, remote: _Remote | None) -> c2pa.Signer:
    import c2pa  # noqa: PLC0415 - as above

    if remote:
        return c2pa.Signer.from_callback(remote, c2pa.C2paSigningAlg[identity.algorithm.upper()], identity.chain)
    chain, key = identity.chain.encode(), identity.key.encode()
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(identity.algorithm, chain, key, None))


def _words(error: Exception) -> str:
    """Return what the library says, without the kind of its error. It names no key."""
    kind, _, words = str(error).partition(": ")
    return words or kind

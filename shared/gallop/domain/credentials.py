"""Content Credentials: whether a video has a copy that the stack's owner has signed, and why it may have none.

The copy is a second file beside the video, which stays as DashScope made it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gallop.domain.errors import CallerError, GallopError

if TYPE_CHECKING:
    from gallop.domain.job import Job

# Three files of this size fit into the storage of the function that signs.
MAX_BYTES = 1024**3


class Unsigned(StrEnum):
    """Why a video has no signed copy, although the stack signs."""

    SECRET_UNREADABLE = "secret_unreadable"  # noqa: S105 - a word
    SECRET_INVALID = "secret_invalid"  # noqa: S105 - as above
    NOT_YET_VALID = "certificate_not_yet_valid"
    EXPIRED = "certificate_expired"
    REFUSED = "certificate_refused"
    KEY_REFUSED = "key_refused"
    VIDEO_TOO_LARGE = "video_too_large"
    VIDEO_REFUSED = "video_refused"
    INTERRUPTED = "interrupted"


REASONS = {
    Unsigned.SECRET_UNREADABLE: "The secret with the certificate cannot be read.",
    Unsigned.SECRET_INVALID: "The secret does not have a certificate and one private key, in PEM format (PKCS #8).",
    Unsigned.NOT_YET_VALID: "The certificate is not valid yet.",
    Unsigned.EXPIRED: "The certificate has expired.",
    Unsigned.REFUSED: "The certificate or its private key cannot be used for Content Credentials.",
    Unsigned.KEY_REFUSED: "KMS did not sign with the key of the stack.",
    Unsigned.VIDEO_TOO_LARGE: f"The video is larger than {MAX_BYTES // 1024**2:,} MB.",
    Unsigned.VIDEO_REFUSED: "The video could not be signed.",
    Unsigned.INTERRUPTED: "The step that signs did not run, or did not finish.",
}


class CannotSign(GallopError):
    """A video cannot be signed: ``why`` is the reason, and ``detail`` what a library or AWS says, for the operator."""

    def __init__(self, why: Unsigned, detail: str = "") -> None:
        """Keep both."""
        super().__init__(REASONS[why])
        self.why, self.detail = why, detail


class NotSigned(CallerError):
    """The video has no copy with Content Credentials."""

    code = "not_signed"
    status = 404
    title = "No signed copy"
    remedy = "Use the video itself. The parameter ContentCredentials of the stack says whether later videos are signed."


def view(job: Job, file: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return whether the video of a job was signed, and why not; None if the stack does not sign, or has not yet.

    ``file`` describes the signed copy, if there is one.
    """
    if job.signed:
        return {"state": "signed", "file": file}
    if job.unsigned:
        return {"state": "failed", "code": job.unsigned, "reason": reason(job)}
    return None


def reason(job: Job) -> str:
    """Say why the video of a job has no signed copy."""
    if not job.unsigned:
        return "The stack did not sign videos."
    # A later version may have written another one.
    known = {why.value: text for why, text in REASONS.items()}
    return known.get(job.unsigned, "The video could not be signed.")

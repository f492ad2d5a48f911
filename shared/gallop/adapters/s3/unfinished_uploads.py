"""Multipart uploads into the inbox that are not finished: their files cannot be seen yet."""

from __future__ import annotations

from urllib.parse import unquote_plus

from gallop import settings
from gallop.adapters import aws
from gallop.domain.drops.drop import Entry


@aws.guarded
def directly_under(prefix: str) -> list[Entry]:
    """List the unfinished uploads directly under a prefix; ``modified`` is when they began, their size is unknown.

    Of more than a thousand, the first thousand: one is enough to wait.
    """
    # Encoded, because the answer could not be parsed if a name had a control character.
    page = aws.s3().list_multipart_uploads(
        Bucket=settings.inbox_bucket(), Prefix=prefix, Delimiter="/", EncodingType="url"
    )
    decode = unquote_plus if page.get("EncodingType") == "url" else str
    return [Entry(decode(found["Key"]), 0, "", found["Initiated"].isoformat()) for found in page.get("Uploads", [])]

"""A version of an object as a seekable file that reads only the ranges it needs, or as a stream."""

from __future__ import annotations

from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO, Protocol

from gallop.adapters import aws, ranged_file
from gallop.domain.errors import AwsTrouble, NoSuchObject
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

# Of a stream: what is in memory at a time.
PIECE_BYTES = 1024 * 1024


class StoredObject(Protocol):
    """A version of an object of a bucket, and its size in bytes."""

    @property
    def bucket(self) -> str:
        """Its bucket."""

    @property
    def key(self) -> str:
        """Its key."""

    @property
    def version_id(self) -> str:
        """Its version."""

    @property
    def size(self) -> int:
        """Its size in bytes."""


@frozen
class ObjectVersion:
    """The newest version of an object, when it was looked up."""

    bucket: str
    key: str
    version_id: str
    size: int


@aws.guarded
def newest(bucket: str, key: str) -> ObjectVersion:
    """Look up the newest version of an object.

    Raises:
        NoSuchObject: there is no such object.

    """
    client = aws.s3()
    try:
        head = client.head_object(Bucket=bucket, Key=key)
    except client.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_FOUND:
            raise NoSuchObject(key) from None
        raise
    return ObjectVersion(bucket, key, head.get("VersionId", ""), head["ContentLength"])


def opened(found: StoredObject) -> BinaryIO:
    """Open a version of an object.

    Every read may raise AwsTrouble.
    """
    return ranged_file.opened(found.size, lambda first, last: _range(found, first, last))


def sha256_of(found: StoredObject) -> str:
    """Read a version of an object as a stream; return its SHA-256 in hexadecimal.

    Raises:
        AwsTrouble: the stream ended too early, or S3 returned an error.

    """
    return copy(found, lambda _: None)


@aws.guarded
def copy(found: StoredObject, write: Callable[[bytes], object]) -> str:
    """Read a version of an object as a stream, and write its pieces; return its SHA-256 in hexadecimal.

    Raises:
        AwsTrouble: the stream ended too early, or S3 returned an error.

    """
    response = aws.s3().get_object(Bucket=found.bucket, Key=found.key, VersionId=found.version_id)
    digest, size = sha256(), 0
    with response["Body"] as body:
        while piece := body.read(PIECE_BYTES):
            digest.update(piece)
            write(piece)
            size += len(piece)
    if size != found.size:
        raise AwsTrouble(f"get_object: received {size} of {found.size} bytes")
    return digest.hexdigest()


@aws.guarded
def _range(found: StoredObject, first: int, last: int) -> bytes:
    response = aws.s3().get_object(
        Bucket=found.bucket, Key=found.key, VersionId=found.version_id, Range=f"bytes={first}-{last}"
    )
    start = _start(response.get("ContentRange"))
    with response["Body"] as body:
        if start != first:
            raise AwsTrouble(f"get_object: asked for bytes from {first}, received bytes from {start}")
        # No more than asked, whatever is sent: more would not fit into the buffer.
        return body.read(last - first + 1)


def _start(content_range: str | None) -> int:
    """Return the position of the first byte sent; a response without a range is the whole object."""
    return int(content_range.removeprefix("bytes ").partition("-")[0]) if content_range else 0

"""An object of the results bucket as a seekable file that reads only the ranges it needs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

from gallop.adapters import aws
from gallop.domain.errors import AwsTrouble

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from gallop.domain.job import Result

# The size of one request: an index and a few seconds of video take a handful.
RANGE_BYTES = 1024 * 1024


def opened(result: Result) -> BinaryIO:
    """Open the version of an object that a job refers to.

    Every read may raise AwsTrouble.
    """
    return cast("BinaryIO", io.BufferedReader(_Ranges(result), RANGE_BYTES))


class _Ranges(io.RawIOBase):
    def __init__(self, result: Result) -> None:
        super().__init__()
        self._result = result
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._result.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    @aws.guarded
    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        last = min(self._position + len(view), self._result.size) - 1
        if last < self._position:
            return 0
        response = aws.s3().get_object(
            Bucket=self._result.bucket,
            Key=self._result.key,
            VersionId=self._result.version_id,
            Range=f"bytes={self._position}-{last}",
        )
        start = _start(response.get("ContentRange"))
        if start != self._position:
            raise AwsTrouble(f"get_object: asked for bytes from {self._position}, received bytes from {start}")
        with response["Body"] as body:
            # No more than asked, whatever is sent: more would not fit into the buffer.
            data = body.read(last - self._position + 1)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


def _start(content_range: str | None) -> int:
    """Return the position of the first byte sent; a response without a range is the whole object."""
    return int(content_range.removeprefix("bytes ").partition("-")[0]) if content_range else 0

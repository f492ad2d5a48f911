"""A file somewhere else as a seekable file that reads only the ranges it needs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

# The size of one request: an index and a few seconds of video take a handful.
RANGE_BYTES = 1024 * 1024


def opened(size: int, fetch: Callable[[int, int], bytes], range_bytes: int = RANGE_BYTES) -> BinaryIO:
    """Open a file of ``size`` bytes; ``fetch`` returns those from a first to a last place, or fewer, and never none."""
    return cast("BinaryIO", io.BufferedReader(_Ranges(size, fetch), range_bytes))


class _Ranges(io.RawIOBase):
    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self._size = size
        self._fetch = fetch
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readall(self) -> bytes:
        """Read the rest in few requests: the base class asks for some kilobytes at a time."""
        rest = bytearray()
        while self._position < self._size:
            data = self._fetch(self._position, self._size - 1)
            rest += data
            self._position += len(data)
        return bytes(rest)

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        last = min(self._position + len(view), self._size) - 1
        if last < self._position:
            return 0
        data = self._fetch(self._position, last)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

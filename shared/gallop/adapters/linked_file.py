"""A file at a public https address as a seekable file that reads only the ranges it needs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from gallop.adapters import ranged_file, safe_http
from gallop.domain.errors import CallFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gallop.adapters.safe_http import Part

# For one file in all: a client waits for the answer.
MAX_SECONDS = 8.0
# An index of a minute has about half of it.
RANGE_BYTES = 256 * 1024


@contextmanager
def opened(url: str) -> Iterator[BinaryIO]:
    """Open a file. Its size is known at once; every read may raise CallFailed, whose text never has the address.

    Raises:
        UnsafeAddress: The address is not allowed; nothing was sent.
        CallFailed: The host did not respond in time, or does not send ranges.

    """
    with safe_http.ranges(url, MAX_SECONDS) as get:
        start = get(0, RANGE_BYTES - 1)
        with ranged_file.opened(start.total, _fetch(get, start), RANGE_BYTES) as file:
            yield file


def _fetch(get: Callable[[int, int], Part], start: Part) -> Callable[[int, int], bytes]:
    def fetch(first: int, last: int) -> bytes:
        if first < len(start.data):
            return start.data[first : last + 1]
        part = get(first, last)
        if part.total != start.total:
            raise CallFailed("The file changed while it was read.")
        return part.data

    return fetch

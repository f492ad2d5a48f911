"""The ranged reader copes with what a server sends instead of the range that was asked for."""

from __future__ import annotations

import hashlib
import io
import os
import tracemalloc
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from gallop.adapters import aws, ranged_file
from gallop.adapters.s3 import ranged_reader
from gallop.domain.errors import AwsTrouble
from gallop.domain.job import Result

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 3 * ranged_file.RANGE_BYTES + 17
CONTENT = os.urandom(SIZE)
RESULT = Result(bucket="b", key="k", version_id="v", size=SIZE, sha256="", content_type="video/mp4")

Answer = dict[str, Any]


class Server:
    """Stands for S3; how it answers a range is given."""

    def __init__(self, answer: Callable[[int, int], Answer]) -> None:
        """Keep the way to answer first and last position."""
        self.answer = answer

    def get_object(self, **parameters: str) -> Answer:
        """Answer a range of the object."""
        first, last = map(int, parameters["Range"].removeprefix("bytes=").split("-"))
        return self.answer(first, last)


def part(first: int, last: int) -> Answer:
    """Send from the first position to the last."""
    return {"Body": io.BytesIO(CONTENT[first : last + 1]), "ContentRange": f"bytes {first}-{last}/{SIZE}"}


def more(first: int, last: int) -> Answer:
    """Send beyond the last position, too."""
    return {**part(first, last), "Body": io.BytesIO(CONTENT[first : last + 100_000] + b"more than there is")}


def less(first: int, last: int) -> Answer:
    """Send half of it."""
    return part(first, (first + last) // 2)


def another(first: int, last: int) -> Answer:
    """Send what begins later."""
    return part(first + 1, last)


def whole(_first: int, _last: int) -> Answer:
    """Ignore the range."""
    return {"Body": io.BytesIO(CONTENT)}


@pytest.mark.parametrize("answer", [part, more, less])
def test_the_object_is_read_whole(answer: Callable[[int, int], Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the server sends beyond the range, or leaves out of it, from the start and from a position."""
    monkeypatch.setattr(aws, "s3", lambda: Server(answer))
    with ranged_reader.opened(RESULT) as file:
        assert file.read() == CONTENT
        file.seek(-5, io.SEEK_END)
        assert file.read() == CONTENT[-5:]
        file.seek(1)
        assert file.read(10) == CONTENT[1:11]


@pytest.mark.parametrize("answer", [another, whole])
def test_another_range_is_an_error_of_aws(
    answer: Callable[[int, int], Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes from elsewhere are not taken for those that were asked for."""
    monkeypatch.setattr(aws, "s3", lambda: Server(answer))
    with ranged_reader.opened(RESULT) as file:
        file.seek(ranged_file.RANGE_BYTES)
        with pytest.raises(AwsTrouble, match=f"asked for bytes from {ranged_file.RANGE_BYTES}, received bytes from"):
            file.read(10)


def test_a_whole_object_begins_where_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ignores the range sends the first bytes first."""
    monkeypatch.setattr(aws, "s3", lambda: Server(whole))
    with ranged_reader.opened(RESULT) as file:
        assert file.read(10) == CONTENT[:10]


class Zeros(io.RawIOBase):
    """A stream of zeros, which are made as they are read."""

    def __init__(self, size: int) -> None:
        """Keep how many are left."""
        super().__init__()
        self.left = size

    def read(self, size: int = -1, /) -> bytes:
        """Give the next ones."""
        step = self.left if size < 0 else min(size, self.left)
        self.left -= step
        return bytes(step)


def test_the_hash_of_a_large_object_needs_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 MB are read a mebibyte at a time."""
    size = 100 * 1024 * 1024
    monkeypatch.setattr(aws, "s3", lambda: SimpleNamespace(get_object=lambda **_: {"Body": Zeros(size)}))
    tracemalloc.start()
    try:
        found = ranged_reader.sha256_of(ranged_reader.ObjectVersion("b", "k", "v", size))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert hashlib.sha256(bytes(size)).hexdigest() == found
    assert 4 * 1024 * 1024 > peak


def test_the_hash_of_a_part_is_an_error_of_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that ends early is not taken for the whole."""
    monkeypatch.setattr(aws, "s3", lambda: SimpleNamespace(get_object=lambda **_: {"Body": Zeros(99)}))
    with pytest.raises(AwsTrouble, match="received 99 of 100 bytes"):
        ranged_reader.sha256_of(ranged_reader.ObjectVersion("b", "k", "v", 100))

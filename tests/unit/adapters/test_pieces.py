"""Bytes that come in pieces are joined to larger ones."""

from __future__ import annotations

import pytest
from gallop.adapters.pieces import joined


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([], []),
        ([b""], []),
        ([b"abc"], [b"abc"]),
        ([b"a", b"b", b"c", b"d", b"e"], [b"abc", b"de"]),
        ([b"abcdefgh", b"", b"i"], [b"abcdefgh", b"i"]),
        ([b"abc", b"def"], [b"abc", b"def"]),
        ([b"ab", b"cdef", b"g"], [b"abcdef", b"g"]),
    ],
)
def test_pieces_are_joined(pieces: list[bytes], expected: list[bytes]) -> None:
    """Each has the size or more, except the last, and none is lost or empty."""
    assert expected == list(joined(pieces, 3))


def test_a_piece_is_passed_on_at_once() -> None:
    """No more is read than what makes it full: the rest may be long in coming, or never come."""
    pieces = iter([b"abc", b"def"])
    assert b"abc" == next(joined(pieces, 3))
    assert [b"def"] == list(pieces)

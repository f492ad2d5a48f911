"""Bytes that come in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def joined(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Join pieces to larger ones, of at least ``size`` bytes each; only the last one may have fewer, but never none."""
    # Together at once: a buffer that grows takes ten times as long.
    waiting: list[bytes] = []
    length = 0
    for piece in pieces:
        waiting.append(piece)
        length += len(piece)
        if length >= size:
            yield b"".join(waiting)
            waiting, length = [], 0
    if length:
        yield b"".join(waiting)

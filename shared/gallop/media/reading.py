"""Reading of a file in memory within a time budget."""

from __future__ import annotations

import io
import time

SECONDS = 10.0
"""Of computing, for one image: a progressive JPEG of 200 million pixels takes 8 s, and nine share a run of 120 s."""


class OutOfTimeError(Exception):
    """Decoding takes longer than the budget."""


class DamagedError(Exception):
    """A part of the image is missing."""


class TimedReader(io.BytesIO):
    """A file that cannot be read any more once the time is up, which also stops a decoder that reads as it goes."""

    def __init__(self, data: bytes, until: float | None = None) -> None:
        """Start the clock, or share that of another reader."""
        super().__init__(data)
        self.end = time.thread_time() + SECONDS if until is None else until

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as usual.

        Raises:
            OutOfTimeError: the budget is spent.

        """
        self.check()
        return super().read(size)

    def check(self) -> None:
        """Watch the time, that is, the computing of this thread.

        Raises:
            OutOfTimeError: the budget is spent.

        """
        if time.thread_time() > self.end:
            raise OutOfTimeError

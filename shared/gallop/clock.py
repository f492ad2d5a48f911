"""The time, read in one place, so that a testbed can run it faster."""

import time


def now() -> float:
    """Return the time in seconds since the epoch."""
    return time.time()


def wall() -> float:
    """Return the real time in seconds since the epoch, by which other systems check us; no testbed changes it."""
    return time.time()


def sleep(seconds: float) -> None:
    """Wait, in seconds; only for short waits within one invocation of a function."""
    time.sleep(seconds)

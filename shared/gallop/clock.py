"""The time, asked in one place, so that a test bench can run it faster."""

import time


def now() -> float:
    """Give the time in seconds since the epoch."""
    return time.time()


def wall() -> float:
    """Give the time by which the world outside checks us; no test bench runs it faster."""
    return time.time()


def sleep(seconds: float) -> None:
    """Wait for so many seconds; for waits within one run of a function only."""
    time.sleep(seconds)

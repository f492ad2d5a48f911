"""Ids and times in DashScope's formats. All times are given in seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

VENDOR_ZONE = timezone(timedelta(hours=8))


def task_id(rng: Random) -> str:
    """Draw a random UUID (version 4)."""
    return _uuid(rng, "4")


def request_id(rng: Random) -> str:
    """Draw a request id: UUID-shaped, its third group beginning with 9 as in all samples."""
    return _uuid(rng, "9")


def _uuid(rng: Random, version: str) -> str:
    digits = f"{rng.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-{version}{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def local_time(moment: float) -> str:
    """Format a time as the query API does: UTC+8, without a zone."""
    return datetime.fromtimestamp(moment, VENDOR_ZONE).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def plain_time(moment: float) -> str:
    """Format a time as the data of events does: UTC+8, without a zone, in whole seconds."""
    return datetime.fromtimestamp(moment, VENDOR_ZONE).strftime("%Y-%m-%d %H:%M:%S")


def utc_time(moment: float) -> str:
    """Format a time as the envelope of events does: UTC, in milliseconds."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(moment: float) -> int:
    """Convert a time to milliseconds, as the list API has it."""
    return int(moment * 1000)


def http_date(moment: float) -> str:
    """Format a time as an HTTP ``Date``."""
    return datetime.fromtimestamp(moment, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")

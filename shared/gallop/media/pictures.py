"""Pictures by their content: what DashScope can take, what can be made right, what cannot.

Everything that knows Pillow is in this package, and is loaded when the first bytes are looked into, not before: a
request that only names public addresses does not wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from gallop.domain import models as catalogue
from gallop.domain.errors import Fault


@dataclass(frozen=True, slots=True)
class Usable:
    """A picture as DashScope gets it. ``note`` says in words what was done to it; empty: it is as it came."""

    data: bytes
    media_type: str
    note: str = ""


def examine(where: str, data: bytes) -> Usable | Fault:
    """Read a picture to its end; gives what DashScope can take, or what is wrong with it. Raises nothing."""
    from gallop.media import inspect_image as looking  # noqa: PLC0415 - Pillow takes its time to load

    return looking.examine(where, data)


def too_large(where: str, size: int) -> Fault:
    """Refuse a picture by its size in bytes."""
    limit = catalogue.PICTURE_BYTES_AT_MOST // 1024**2
    return Fault(where, f"has {size / 1024**2:.1f} MB; {limit} MB is the most", "Save it smaller, as JPEG for example.")

"""Pictures by their content: what DashScope can take, what can be made right, what cannot.

Everything that knows Pillow is in this package, and is loaded when the first bytes are looked into, not before: a
request that only names public addresses does not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gallop.domain.faults import Fault
    from gallop.domain.request.images import Usable


def examine(where: str, data: bytes) -> Usable | Fault:
    """Read a picture to its end; gives what DashScope can take, or what is wrong with it. Raises nothing."""
    from gallop.media import inspect_image  # noqa: PLC0415 - Pillow takes its time to load

    return inspect_image.examine(where, data)

"""Images by their content: what DashScope accepts, what can be converted, and what cannot.

Only this package uses Pillow. It is imported when the first bytes are examined: a request that only names public
addresses does not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gallop.domain.faults import Fault
    from gallop.domain.media_rules import ImageRules
    from gallop.domain.request.images import Usable


def examine(where: str, data: bytes, rules: ImageRules) -> Usable | Fault:
    """Decode an image completely; return what DashScope accepts, or what is wrong with the image. Raises nothing."""
    from gallop.media import inspect_image  # noqa: PLC0415 - Pillow is slow to import

    return inspect_image.examine(where, data, rules)

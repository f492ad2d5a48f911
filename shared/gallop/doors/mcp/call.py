"""What the answer to a message depends on, besides the message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.domain.frozen import frozen
from gallop.doors.mcp import versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.doors.https.identity import Caller


@frozen(kw_only=True)
class Call:
    """Who calls, in which ``version`` of MCP, and until when the answer may wait, in epoch seconds.

    ``api_url`` is the API's address without a slash at the end. ``catalogue`` returns the descriptions of the tools.
    ``is_draining`` says that the operator lets all jobs end.
    """

    caller: Caller
    api_url: str
    catalogue: Callable[[], list[dict[str, Any]]]
    is_draining: bool = False
    version: str = versions.OLDEST
    until: float = 0.0

    @property
    def client(self) -> str:
        """The client that the call acts for."""
        return self.caller.client

"""The caller of the HTTPS door."""

from __future__ import annotations

from gallop.domain.frozen import frozen
from gallop.domain.placement import ANYWHERE, Placement


@frozen
class Caller:
    """The client that an API key belongs to, and the key's own id, which is not secret.

    An operator's key (``is_admin``) shows the jobs of all clients, including those of the S3 door; the jobs that it
    creates belong to its own client. ``bound`` is where the jobs that the key creates may run.
    """

    client: str
    is_admin: bool = False
    key_id: str = ""
    bound: Placement = ANYWHERE

    def may_see(self, client: str) -> bool:
        """Return whether this caller may see what belongs to a client."""
        return self.is_admin or client == self.client

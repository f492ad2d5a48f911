"""Who asks at the HTTPS door."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """The client that a key stands for, and the key's own id, which is no secret.

    An operator's key (``is_admin``) shows the jobs of all clients, those of the S3 door included; what it creates
    belongs to its own client.
    """

    client: str
    is_admin: bool = False
    key_id: str = ""

    def may_see(self, client: str) -> bool:
        """Tell whether this caller may see what belongs to a client."""
        return self.is_admin or client == self.client

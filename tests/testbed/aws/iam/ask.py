"""A call of AWS as it came in, and what it asks permission for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Ask:
    """One permission that a call needs."""

    action: str
    resource: str
    context: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Facts for conditions, beside those that every call has; keys in lower case."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call: header names in lower case, query values decoded."""

    service: str
    region: str
    method: str
    path: str
    """As it came, still percent-encoded."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    """Read for the services that name their action in it; empty for uploads to S3."""

"""A call of AWS, and the permissions that it needs."""

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
    """Condition keys, in lower case, besides those that every call has."""


@dataclass(frozen=True, slots=True)
class Call:
    """A received call: header names in lower case, query values decoded."""

    service: str
    region: str
    method: str
    path: str
    """As received, percent-encoded."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    """Read for the services that name their action in it; empty for uploads to S3."""

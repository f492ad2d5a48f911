"""A record of permission checks, so that tests can prove that every grant is used and nothing else is requested."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .policy import Statement


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One permission that was requested."""

    principal: str
    """The name of the role or user."""
    action: str
    resource: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """One permission that a policy statement granted."""

    principal: str
    statement: str
    """The policy's name and the statement's Sid or number."""
    action: str
    resource: str


@dataclass(slots=True)
class Audit:
    """All entries, and the statements that allowed them."""

    _entries: Counter[Entry] = field(init=False, default_factory=Counter)
    _grants: set[Grant] = field(init=False, default_factory=set)
    _lock: Lock = field(init=False, default_factory=Lock)
    listeners: list[Callable[[Entry], None]] = field(init=False, default_factory=list)
    """Called with each entry before the call proceeds; chaos tests kill a function's process here."""

    def record(self, entry: Entry, statements: Iterable[Statement]) -> None:
        """Add an entry."""
        with self._lock:
            self._entries[entry] += 1
            if entry.allowed:
                self._grants.update(
                    Grant(entry.principal, statement.source, entry.action, entry.resource) for statement in statements
                )
        for listener in self.listeners:
            listener(entry)

    def entries(self, principal: str | None = None) -> Counter[Entry]:
        """Return the entries with their counts, of one role or user or of all."""
        with self._lock:
            return Counter({entry: n for entry, n in self._entries.items() if principal in (None, entry.principal)})

    def refusals(self) -> list[Entry]:
        """Return the refused entries."""
        return sorted(entry for entry in self.entries() if not entry.allowed)

    def grants(self, principal: str) -> list[Grant]:
        """Return the permissions that a role or user has used."""
        with self._lock:
            return [grant for grant in self._grants if grant.principal == principal]

    def clear(self) -> None:
        """Remove all entries."""
        with self._lock:
            self._entries.clear()
            self._grants.clear()

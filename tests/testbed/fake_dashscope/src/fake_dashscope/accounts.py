"""Accounts, their keys and their rate limits."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fake_dashscope.errors import RATE_QUOTA, VendorError

if TYPE_CHECKING:
    from collections.abc import Iterable

REGION = "ap-southeast-1"
KEY = "sk-fake-dashscope"


@dataclass(frozen=True, slots=True)
class Account:
    """One Alibaba account. Tasks, limits and charges belong to the account, not to one of its keys.

    ``billing_error`` is the code (``Arrearage``, ``PrepaidBillOverdue``, …) that refuses all its submits.
    """

    name: str = "main"
    keys: tuple[str, ...] = (KEY,)
    region: str = REGION
    billing_error: str = ""


@dataclass(slots=True)
class Window:
    """A maximum of ``limit`` calls per second."""

    limit: float
    calls: deque[float] = field(default_factory=deque)

    def admit(self, now: float) -> None:
        """Count one call at ``now`` (seconds), or refuse it."""
        while self.calls and self.calls[0] <= now - 1:
            self.calls.popleft()
        if len(self.calls) >= self.limit:
            raise VendorError(RATE_QUOTA)
        self.calls.append(now)


class Keyring:
    """Finds the account of a key; a key works in its own region only."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        """Register ``accounts``; no two of them may share a key."""
        self.accounts = {account.name: account for account in accounts}
        self._by_key = {key: account for account in self.accounts.values() for key in account.keys}
        self._temporary: dict[str, tuple[Account, float]] = {}

    def issue(self, account: Account, token: str, expires_at: float) -> None:
        """Accept ``token`` as a key of ``account`` until ``expires_at`` (seconds since the epoch)."""
        self._temporary[token] = (account, expires_at)

    def owner(self, authorization: str, region: str, now: float) -> Account:
        """Return the account of an ``Authorization`` header; raises ``VendorError`` as DashScope would."""
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise VendorError("InvalidApiKey", "No API-key provided.")
        account = self._by_key.get(key.strip()) or self._of_token(key.strip(), now)
        if account is None or account.region != region:
            raise VendorError("InvalidApiKey")
        return account

    def _of_token(self, token: str, now: float) -> Account | None:
        account, expires_at = self._temporary.get(token, (None, 0.0))
        return account if now < expires_at else None

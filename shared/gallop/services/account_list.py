"""Changes the list of accounts in the stack's secret, and lets the change take effect at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.adapters import operator_calls, secrets
from gallop.domain import accounts
from gallop.domain.accounts import DEFAULT
from gallop.domain.job import is_terminal
from gallop.services import find_jobs, lane_list, vendor_accounts

if TYPE_CHECKING:
    from gallop.domain.accounts import Account


def read(secret: str) -> dict[str, Account]:
    """Return the accounts in the secret as it is now.

    Raises:
        AwsTrouble: the secret cannot be read, or its list of accounts has a fault.

    """
    secrets.clear_cache()
    return vendor_accounts.listed(secret)


def store(secret: str, changed: dict[str, Account]) -> None:
    """Store the accounts, and let those take jobs that may: new and resumed ones at once, and others no more.

    Raises:
        InvalidAccounts: the list has a fault; nothing is stored.
        AwsRefused, RightMissing: the secret cannot be written.

    """
    text = accounts.written(changed.values())
    operator_calls.ask("secretsmanager", "put_secret_value", SecretId=secret, SecretString=text)
    secrets.clear_cache()
    lane_list.publish(secret)


def jobs_of(name: str) -> list[str]:
    """Return the jobs that belong to an account and have not ended: they need its key."""
    names = ("", DEFAULT) if name == DEFAULT else (name,)
    bound = (job for job in find_jobs.open_jobs() if job.slot_since is not None and not is_terminal(job.state))
    return [job.id for job in bound if job.account in names]

"""The DashScope account of a job: its key and its present host, from the stack's secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop import settings
from gallop.adapters import secrets
from gallop.domain import accounts
from gallop.domain.accounts import DEFAULT, InvalidAccounts
from gallop.domain.errors import AwsTrouble

if TYPE_CHECKING:
    from gallop.domain.accounts import Account
    from gallop.domain.job import Job


def listed(secret: str) -> dict[str, Account]:
    """Return the accounts in a secret by name.

    Raises:
        AwsTrouble: the secret cannot be read, or its list of accounts has a fault.

    """
    try:
        return accounts.read(secrets.dashscope_key(secret))
    except InvalidAccounts as error:
        raise AwsTrouble(str(error)) from error


def of(job: Job) -> Account:
    """Return the account of a job.

    Raises:
        AwsTrouble: as ``listed``, or the secret has no such account: the job waits until it has.

    """
    name = job.account or DEFAULT
    found = listed(job.key_name).get(name)
    if found is None:
        # It may have been added since the secret was read.
        secrets.clear_cache()
        found = listed(job.key_name).get(name)
    if found is None:
        raise AwsTrouble(f"The secret has no account {name!r}, which job {job.id} belongs to. Add it again.")
    return found


def base_url(account: Account) -> str:
    """Return the present host of an account."""
    return account.base_url or settings.dashscope_base_url()


def in_flight(job: Job) -> int:
    """Return how many tasks of a model the account of a job may have in flight; the stack's limit if that is unknown.

    It only sets the pace of queries.
    """
    try:
        return of(job).in_flight or settings.max_in_flight()
    except AwsTrouble:
        return settings.max_in_flight()

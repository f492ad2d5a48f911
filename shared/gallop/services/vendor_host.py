"""Where DashScope is asked about a job: at the host of its submit, or at its account's present host in the same region.

An account may move to another host of its region while jobs are in flight, and the old host may go away. Both hosts
have the same tasks. A host of another region, or of another account, is never asked about a job.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from gallop import log
from gallop.adapters import dashscope
from gallop.adapters.table import jobs
from gallop.domain import regions
from gallop.domain.dashscope import replies
from gallop.domain.errors import TryAgain, VendorRefused, VendorThrottled
from gallop.services import vendor_accounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.domain.accounts import Account
    from gallop.domain.dashscope.replies import ListedTask, Task
    from gallop.domain.job import Job

T = TypeVar("T")


def at_present_host(job: Job, account: Account) -> Job:
    """Return a job that has not been submitted yet, with its account's present host if that is in the job's region."""
    return replace(job, base_url=_alias(job, account) or job.base_url)


def query(job: Job) -> tuple[Job, Task]:
    """Return the current state of a job's task, and the job with the host that knows it.

    Raises:
        TryAgain, VendorRefused: as ``dashscope.query``.

    """
    (found_at, task) = _ask(job, lambda url, key: dashscope.query(url, key, job.task_id), _is_known)
    if found_at != job.base_url:
        jobs.note(job, "base_url", found_at)
        log.info("job moved to another host", job_id=job.id)
    return replace(job, base_url=found_at), task


def cancel(job: Job) -> bool:
    """Cancel a job's task; return whether it was cancelled.

    Raises:
        TryAgain, VendorRefused: as ``dashscope.cancel``.

    """
    return _ask(job, lambda url, key: dashscope.cancel(url, key, job.task_id))[1]


def tasks_between(job: Job, since: float, until: float) -> list[ListedTask]:
    """List the tasks of a job's model and account that were created between two epoch times.

    Raises:
        TryAgain, VendorRefused: as ``dashscope.tasks_between``.

    """
    return _ask(job, lambda url, key: dashscope.tasks_between(url, key, job.request.model, since, until))[1]


def _ask(job: Job, call: Callable[[str, str], T], is_certain: Callable[[T], bool] = lambda _: True) -> tuple[str, T]:
    """Ask at the job's host, and at its alias if the answer is missing or not certain; return host and answer."""
    account = vendor_accounts.of(job)
    key, alias = account.key, _alias(job, account)
    try:
        answer = call(job.base_url, key)
    except VendorThrottled:
        raise
    except (TryAgain, VendorRefused):
        if alias is None:
            raise
        other = call(alias, key)
        if is_certain(other):
            return alias, other
        # The old host may still know better.
        raise
    if alias is None or is_certain(answer):
        return job.base_url, answer
    other = call(alias, key)
    return (alias, other) if is_certain(other) else (job.base_url, answer)


def _alias(job: Job, account: Account) -> str | None:
    present = vendor_accounts.base_url(account)
    is_alias = present != job.base_url and regions.region_of(present) == regions.region_of(job.base_url)
    return present if is_alias else None


def _is_known(task: Task) -> bool:
    return not isinstance(task, replies.TaskUnknown)

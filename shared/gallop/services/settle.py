"""Settles what a job had reserved, once: by what it cost, or by giving it back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gallop import log
from gallop.adapters.table import budgets, jobs
from gallop.domain import failures

if TYPE_CHECKING:
    from gallop.domain.job import Job


def settle(job: Job) -> None:
    """Put what an ended job cost in the place of what it had reserved.

    Where nobody can tell what it cost, the whole reservation counts as spent. Run twice, it does nothing more.
    """
    reserved = job.reserved
    if reserved is None or reserved.charged is not None:
        return
    charged = failures.charge_of(job)
    if charged is None:
        log.warning("reservation kept, for the job may be charged", job_id=job.id, usd=str(reserved.amount))
        charged = reserved.amount
    jobs.settle(job, replace(reserved, charged=charged), budgets.settling(reserved, charged))

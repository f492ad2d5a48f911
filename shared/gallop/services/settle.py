"""Settles the reservation of a job, once: replaces it by the cost, or releases it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gallop import log
from gallop.adapters.table import budgets, jobs
from gallop.domain import failures

if TYPE_CHECKING:
    from gallop.domain.job import Job


def settle(job: Job) -> None:
    """Replace the reservation of an ended job by its cost.

    If the cost is unknown, the whole reservation counts as spent. A second run has no effect.
    """
    reserved = job.reserved
    if reserved is None or reserved.charged is not None:
        return
    charged = failures.charge_of(job)
    if charged is None:
        log.warning("charge unknown, reservation counted as spent", job_id=job.id, usd=str(reserved.amount))
        charged = reserved.amount
    jobs.settle(job, replace(reserved, charged=charged), budgets.settling(reserved, charged))

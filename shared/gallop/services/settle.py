"""Settles the reservations of a job, once: replaces them by the cost, or releases them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from gallop import log
from gallop.adapters.table import budgets, jobs
from gallop.domain import failures
from gallop.domain.errors import JobNotFound

if TYPE_CHECKING:
    from decimal import Decimal

    from gallop.domain.budget import Reservation
    from gallop.domain.job import Job


def settle(job: Job) -> None:
    """Replace what an ended job reserves, for the stack, its client and its account, by its cost.

    If the cost is unknown, all that it reserves counts as spent. A second run has no effect.
    """
    if not _settle(job):
        # It was settled before; or the job moved to another account and back, between the read and the end of it.
        with suppress(JobNotFound):
            _settle(jobs.get(job.id))


def _settle(job: Job) -> bool:
    charged = failures.charge_of(job)
    after = replace(
        job, reserved=_charged(job.reserved, charged), account_reserved=_charged(job.account_reserved, charged)
    )
    changes = [
        (before, now.charged)
        for before, now in ((job.reserved, after.reserved), (job.account_reserved, after.account_reserved))
        if before and now and now.charged is not None and before != now
    ]
    if not changes:
        return True
    if charged is None:
        log.warning("charge unknown, reservation counted as spent", job_id=job.id, usd=str(changes[0][0].amount))
    writes = [write for before, usd in changes for write in budgets.settling(before, usd)]
    return jobs.settle(job, after, writes)


def _charged(reserved: Reservation | None, charged: Decimal | None) -> Reservation | None:
    """Return a reservation with the amount that is charged; all of it, if that is unknown."""
    if reserved is None or reserved.charged is not None:
        return reserved
    return replace(reserved, charged=reserved.amount if charged is None else charged)

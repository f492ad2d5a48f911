"""Waits for the last steps of a job that has ended: its thumbnail, and its last receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop import clock
from gallop.adapters.table import jobs
from gallop.domain.job import is_terminal

if TYPE_CHECKING:
    from gallop.domain.job import Job

# Most thumbnails are made within this time.
CLOSING_SECONDS, GLANCE_SECONDS = 8, 0.5


def is_closed(job: Job) -> bool:
    """Return whether nothing more is written for a job; wait a little for one that has just ended."""
    until = clock.now() + (CLOSING_SECONDS if is_terminal(job.state) else 0)
    while not (found := jobs.is_closed(job)) and clock.now() < until:
        clock.sleep(GLANCE_SECONDS)
    return found

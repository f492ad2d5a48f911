"""Finds jobs for an operator: by client, door, state and time, the newest first."""

from __future__ import annotations

from dataclasses import field
from itertools import islice
from typing import TYPE_CHECKING

from gallop import clock
from gallop.adapters.table import job_index, jobs
from gallop.domain.frozen import frozen
from gallop.domain.job import JobState, is_terminal
from gallop.domain.views import account_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.doors import Door
    from gallop.domain.job import Job

PARKED, OPEN = "parked", "open"
STATES = (OPEN, PARKED, *(state.value for state in JobState))
_OPEN_KINDS = (jobs.OPEN, jobs.WAITING, jobs.PARKED)


@frozen
class Filter:
    """Which jobs: those that match each part that is set. Times are those of creation, in seconds since the epoch.

    ``states`` are states of jobs, ``open`` for all that have not ended, and ``parked`` for those that wait for budget.
    ``account`` is the DashScope account that they belong to.
    """

    client: str = ""
    door: Door | None = None
    states: frozenset[str] = field(default_factory=frozenset)
    since: float | None = None
    until: float | None = None
    account: str = ""

    def takes(self, job: Job) -> bool:
        """Return whether a job matches."""
        is_in_time = (self.since is None or job.created_at >= self.since) and (
            self.until is None or job.created_at < self.until
        )
        is_of_client = self.client in ("", job.client) and self.door in (None, job.door)
        is_there = self.account in ("", account_of(job))
        return (
            is_in_time and is_of_client and is_there and (not self.states or not self.states.isdisjoint(names_of(job)))
        )


def names_of(job: Job) -> set[str]:
    """Return the states by which a job is found."""
    is_parked = job.parked is not None and job.state is JobState.QUEUED
    return {job.state.value, *([] if is_terminal(job.state) else [OPEN]), *([PARKED] if is_parked else [])}


def found(wanted: Filter) -> Iterator[Job]:
    """Yield the jobs that match, the newest first."""
    may_have_ended = not wanted.states or any(is_terminal(state) for state in JobState if state in wanted.states)
    candidates = _by_time(wanted) if may_have_ended else iter(open_jobs())
    return (job for job in candidates if wanted.takes(job))


def open_jobs() -> list[Job]:
    """Return all jobs that have not ended, the newest first: from an index, whatever has ended before."""
    ids = [job_id for kind in _OPEN_KINDS for job_id in jobs.open_jobs(clock.now() + 1, kind, None)]
    return sorted(
        (job for job in jobs.get_all(ids) if not is_terminal(job.state)), key=lambda job: job.created_at, reverse=True
    )


def _by_time(wanted: Filter) -> Iterator[Job]:
    low = job_index.START if wanted.since is None else job_index.cursor_at(int(wanted.since * 1000))
    high = job_index.END if wanted.until is None else job_index.cursor_at(int(wanted.until * 1000) + 1)
    entries = job_index.entries(wanted.client or None, low, high, ascending=False)
    while part := [entry.job_id for entry in islice(entries, job_index.PAGE)]:
        yield from jobs.get_all(part)

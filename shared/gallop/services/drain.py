"""Closes both doors for new jobs, and opens them again; whatever was accepted continues.

The HTTPS door refuses creates: each API key says so, which its authorizer reads anyway. The S3 door receives no
messages: they wait in its queue for up to 14 days. Neither costs a job a call.
"""

from __future__ import annotations

from collections import Counter

from gallop import clock, log
from gallop.adapters import event_sources
from gallop.adapters.stepfunctions import executions
from gallop.adapters.table import client_keys, drains
from gallop.services import find_jobs

# How long the function that creates jobs may run. One that began before the stack was drained may still record a job.
SUBMIT_SECONDS = 120
BATCHES, DOOR = "batches", "door"


def drain(mapping: str) -> None:
    """Let nothing new in. ``mapping`` connects the S3 door's queue with its function."""
    # Before the keys: one that is created meanwhile is then created as draining, or is listed below.
    drains.begin(clock.now())
    event_sources.set_enabled(mapping, is_enabled=False)
    _mark_keys(is_draining=True)
    log.info("stack drained")


def undrain(mapping: str) -> None:
    """Let new jobs in again."""
    drains.end()
    _mark_keys(is_draining=False)
    event_sources.set_enabled(mapping, is_enabled=True)
    log.info("stack open again")


def still_open(mapping: str, batch_machine: str) -> Counter[str]:
    """Count the jobs that have not ended, by state (parked ones as such), and what may still create jobs.

    That are batches, and the S3 door while it receives messages.
    """
    # First what creates jobs: what ends meanwhile has recorded its jobs by now.
    creating = {BATCHES: executions.running(batch_machine), DOOR: int(not event_sources.is_disabled(mapping))}
    found = Counter(
        find_jobs.PARKED if find_jobs.PARKED in find_jobs.names_of(job) else job.state.value
        for job in find_jobs.open_jobs()
    )
    return found + Counter(creating)


def _mark_keys(*, is_draining: bool) -> None:
    for key in client_keys.listed():
        if key.is_draining is not is_draining:
            client_keys.set_draining(key, is_draining=is_draining)

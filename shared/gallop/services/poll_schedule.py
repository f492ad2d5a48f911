"""Schedules the status queries of a task, by how long earlier tasks ran."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gallop import clock, settings
from gallop.adapters.table import task_durations
from gallop.domain import models
from gallop.domain.scheduling import polling
from gallop.services import vendor_accounts

if TYPE_CHECKING:
    from gallop.domain.dashscope import replies
    from gallop.domain.job import Job

# Near the likely end of a task the function sleeps between its queries: a second of it costs a fifth of what a wait of
# the state machine and the two transitions after it cost. But it also occupies one of the account's parallel runs.
LONGEST_PAUSE_SECONDS = 6
# DashScope's clock and ours may differ a little. A difference of hours means a time zone other than the stated one.
CLOCKS_DIFFER_SECONDS = 60
SECONDS_APART = 1.0


def wait_seconds(job: Job) -> int:
    """Return the whole seconds until the next status query of a job's task."""
    in_flight = vendor_accounts.in_flight(job) * len(models.MODELS)
    return polling.next_wait(task_durations.known(job.request, job.account), job.task_age(clock.now()), in_flight)


def may_hold(pause: float, since: float) -> bool:
    """Return whether the function that has asked since an epoch time may sleep for a pause, and ask again itself.

    With completion events it must not: only the state machine's wait can be ended by one.
    """
    is_short = pause <= LONGEST_PAUSE_SECONDS and clock.now() + pause <= since + settings.max_wait_seconds()
    return is_short and not settings.completion_events()


def keep_apart(queried_at: float) -> None:
    """Wait until a second has passed since a task was last queried (epoch seconds)."""
    clock.sleep(min(max(0.0, queried_at + SECONDS_APART - clock.now()), SECONDS_APART))


def seen(job: Job, task: replies.TaskWaiting) -> Job:
    """Return the job with what its record should say: DashScope knows the task, and when it began.

    A pending task does not age.
    """
    now = clock.now()
    began_at = now if task.is_pending else _plausible(job, task.scheduled_at, now) or job.began_at
    return replace(job, unknown_since=None, began_at=began_at)


def seen_ended(job: Job, task: replies.TaskSucceeded | replies.TaskFailed) -> Job:
    """Return the job with what its record should say: when its task ended, and when that was noticed."""
    now = clock.now()
    return replace(job, task_ended_at=_plausible(job, task.ended_at, now), noticed_at=now)


def learn(job: Job, task: replies.TaskSucceeded, previous_query_at: float) -> None:
    """Record how long a task ran: as DashScope reports, or until halfway between the last two queries."""
    now = clock.now()
    halfway = job.task_age((previous_query_at + now) / 2)
    task_durations.add(job.request, halfway if task.ran_for is None else task.ran_for, job.account)


def _plausible(job: Job, reported: float | None, now: float) -> float | None:
    earliest, latest = (job.running_since or 0) - CLOCKS_DIFFER_SECONDS, now + CLOCKS_DIFFER_SECONDS
    return min(reported, now) if reported is not None and earliest <= reported <= latest else None

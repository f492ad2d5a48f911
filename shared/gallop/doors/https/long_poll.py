"""Waits for a job to change, and does not resend what a client has: ``Prefer: wait``, ``ETag``, ``If-None-Match``."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gallop import clock, settings
from gallop.adapters.table import held_requests
from gallop.domain.errors import AwsTrouble
from gallop.domain.groups import have_ended
from gallop.doors.https import groups, videos

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gallop.domain.job import Job
    from gallop.doors.https.identity import Caller

    Jobs = tuple[Job, ...]

_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.5, 2.0, 1.25
_WAIT = re.compile(r"\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?:;.*)?", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?("[^"]*")')


def wait_seconds(prefer: str) -> int:
    """Return how many seconds a client is ready to wait; 0 if it does not say so.

    RFC 7240: unknown preferences in ``Prefer`` are ignored, the first of equal ones counts, and a server may do less
    than is requested.
    """
    requested = next((match for part in prefer.split(",") if (match := _WAIT.fullmatch(part))), None)
    return min(int(requested[1]), settings.max_wait_seconds()) if requested else 0


def wait_for_change(caller: Caller, job_id: str, seconds: int) -> tuple[Job, int]:
    """Return a job; if it has not ended, first wait up to this many seconds for its state to change.

    And return the seconds that were granted: 0 if too many requests wait already, each of which occupies a function.

    Raises:
        JobNotFound: there is no such job, or it is another client's.

    """
    before = videos.video(caller, job_id)
    (job,), granted = _wait(_only(caller, job_id), (before,), seconds, lambda jobs: jobs[0].state is not before.state)
    return job, granted


def wait_for_change_in(caller: Caller, group_id: str, seconds: int) -> tuple[tuple[Job, ...], int]:
    """Return the jobs of a group; if not all have ended, first wait as above for the state of one to change.

    Raises:
        JobNotFound: there is no such group, or it is another client's.

    """
    before = groups.group(caller, group_id)
    states = [job.state for job in before]
    return _wait(
        lambda: groups.group(caller, group_id), before, seconds, lambda jobs: states != [job.state for job in jobs]
    )


def wait_for_end(caller: Caller, job_id: str, seconds: int) -> Job:
    """Return a job when it has ended, or after this many seconds; at once, if too many requests wait already.

    Raises:
        JobNotFound: there is no such job, or it is another client's.

    """
    return _wait(_only(caller, job_id), (videos.video(caller, job_id),), seconds, lambda _: False)[0][0]


def _only(caller: Caller, job_id: str) -> Callable[[], Jobs]:
    return lambda: (videos.video(caller, job_id),)


def _wait(read: Callable[[], Jobs], jobs: Jobs, seconds: int, is_enough: Callable[[Jobs], bool]) -> tuple[Jobs, int]:
    now = clock.now()
    if not seconds or have_ended(jobs):
        return jobs, seconds
    # Who cannot take or leave a place still gets the answer: a place that is kept becomes free when its time is over.
    place = None
    with suppress(AwsTrouble):
        place = held_requests.enter(now, now + seconds + _LONGEST_PAUSE)
    if place is None:
        return jobs, 0
    try:
        return _changed(read, jobs, now + seconds, is_enough), seconds
    finally:
        with suppress(AwsTrouble):
            held_requests.leave(place)


def _changed(read: Callable[[], Jobs], jobs: Jobs, until: float, is_enough: Callable[[Jobs], bool]) -> Jobs:
    pause = _FIRST_PAUSE
    while (remaining := until - clock.now()) > 0 and not is_enough(jobs) and not have_ended(jobs):
        clock.sleep(min(pause, remaining))
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)
        jobs = read()
    return jobs


def tag_of(view: Mapping[str, Any]) -> str:
    """Return the strong ETag of what a client is shown."""
    return f'"{hashlib.sha256(json.dumps(view, sort_keys=True).encode()).hexdigest()[:32]}"'


def has_seen(if_none_match: str, tag: str) -> bool:
    """Return whether a client already has the version with this ETag."""
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match)

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
from gallop.domain.job import is_terminal
from gallop.doors.https import videos

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gallop.domain.job import Job
    from gallop.doors.https.identity import Caller

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
    return _wait(caller, before, seconds, lambda job: job.state is not before.state)


def wait_for_end(caller: Caller, job_id: str, seconds: int) -> Job:
    """Return a job when it has ended, or after this many seconds; at once, if too many requests wait already.

    Raises:
        JobNotFound: there is no such job, or it is another client's.

    """
    return _wait(caller, videos.video(caller, job_id), seconds, lambda _: False)[0]


def _wait(caller: Caller, job: Job, seconds: int, is_enough: Callable[[Job], bool]) -> tuple[Job, int]:
    now = clock.now()
    if not seconds or is_terminal(job.state):
        return job, seconds
    # Who cannot take or leave a place still gets the answer: a place that is kept becomes free when its time is over.
    place = None
    with suppress(AwsTrouble):
        place = held_requests.enter(now, now + seconds + _LONGEST_PAUSE)
    if place is None:
        return job, 0
    try:
        return _changed(caller, job, now + seconds, is_enough), seconds
    finally:
        with suppress(AwsTrouble):
            held_requests.leave(place)


def _changed(caller: Caller, job: Job, until: float, is_enough: Callable[[Job], bool]) -> Job:
    pause = _FIRST_PAUSE
    while (remaining := until - clock.now()) > 0 and not is_enough(job) and not is_terminal(job.state):
        clock.sleep(min(pause, remaining))
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)
        job = videos.video(caller, job.id)
    return job


def tag_of(view: Mapping[str, Any]) -> str:
    """Return the strong ETag of what a client is shown."""
    return f'"{hashlib.sha256(json.dumps(view, sort_keys=True).encode()).hexdigest()[:32]}"'


def has_seen(if_none_match: str, tag: str) -> bool:
    """Return whether a client already has the version with this ETag."""
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match)

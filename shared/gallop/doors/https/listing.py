"""Lists jobs page by page; none is missing or shown twice, even if others arrive meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gallop import clock
from gallop.adapters.table import job_index, jobs
from gallop.domain import groups
from gallop.domain.clients.keys import S3_DOOR
from gallop.domain.doors import Door
from gallop.domain.errors import InvalidRequest, JobNotFound
from gallop.domain.faults import Fault
from gallop.domain.frozen import frozen
from gallop.domain.job import JobState, created_in, is_job_id, openai_status
from gallop.doors.https import videos

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gallop.adapters.table.job_index import Entry
    from gallop.domain.job import Job
    from gallop.doors.https.identity import Caller

LIMIT, MAX_LIMIT = 20, 100
# Maximum number of jobs that one request reads: a filter with few matches gives short pages, not long requests.
MAX_LOOKS = 300
_OPENAI_STATUSES = frozenset(openai_status(state) for state in JobState)
_STATUSES = sorted(_OPENAI_STATUSES | {state.value for state in JobState})


@frozen
class Question:
    """Which jobs, how many, and in which order; ``low`` and ``high`` are cursors of the job index.

    A group's jobs are neighbours there: they are in the order of their places, unless the question has another.
    """

    low: str
    high: str
    limit: int
    status: str
    ascending: bool
    client: str | None
    door: str
    group: str = ""

    def takes(self, job: Job) -> bool:
        """Return whether a job matches. OpenAI's statuses are compared with ``status``, all others with ``state``."""
        status = openai_status(job.state) if self.status in _OPENAI_STATUSES else job.state.value
        if self.group and (job.group is None or job.group.id != self.group):
            return False
        return self.status in ("", status) and self.door in ("", job.door.value)


def page(caller: Caller, parameters: Mapping[str, str], api_url: str) -> dict[str, Any]:
    """Return a page of the jobs that a caller may see, in the format of OpenAI's lists.

    The next page begins after ``last_id``: the last job that was read, even if the filter excluded it.

    Raises:
        InvalidRequest: with every fault of the parameters.

    """
    question = _question(caller, parameters)
    at_a_time = min(question.limit + 1, job_index.PAGE)  # One more than is shown, to see whether others follow.
    entries = job_index.entries(
        question.client, question.low, question.high, ascending=question.ascending, at_a_time=at_a_time
    )
    shown: list[dict[str, Any]] = []
    last = ""
    for number_read, (entry, job) in enumerate(_read(entries, at_a_time)):
        if len(shown) == question.limit or number_read == MAX_LOOKS:
            return _answer(shown, last, has_more=True)
        last = entry.job_id
        if job and question.takes(job):
            shown.append(videos.listed_view(job, api_url))
    return _answer(shown, last, has_more=False)


def _answer(shown: list[dict[str, Any]], last: str, *, has_more: bool) -> dict[str, Any]:
    return {
        "object": "list",
        "data": shown,
        "has_more": has_more,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": (last or None) if has_more else (shown[-1]["id"] if shown else None),
    }


def _read(entries: Iterator[Entry], at_a_time: int) -> Iterator[tuple[Entry, Job | None]]:
    while some := [entry for _, entry in zip(range(at_a_time), entries, strict=False)]:
        found = {job.id: job for job in jobs.get_all([entry.job_id for entry in some])}
        yield from ((entry, found.get(entry.job_id)) for entry in some)


def _question(caller: Caller, parameters: Mapping[str, str]) -> Question:
    faults: list[Fault] = []
    limit = _limit(parameters.get("limit", str(LIMIT)), faults)
    group = parameters.get("group", "")
    order = _one_of("order", parameters.get("order", "asc" if group else "desc"), ["asc", "desc"], faults)
    status = _one_of("status", parameters["status"], _STATUSES, faults) if parameters.get("status") else ""
    client, door = _whose(caller, parameters, faults)
    since, until = (_time(name, parameters.get(name, ""), faults) for name in ("created_after", "created_before"))
    low = job_index.START if since is None else job_index.cursor_at(since + 1)
    high = job_index.END if until is None else job_index.cursor_at(until)
    if group:
        first, last = _ends_of(group, faults)
        low, high = max(low, first), min(high, last)
    if after := parameters.get("after"):
        low, high = job_index.beyond(_cursor(caller, after, faults), low, high, ascending=order == "asc")
    if faults:
        raise InvalidRequest(faults)
    return Question(low, high, limit, status, order == "asc", client, door, group)


def _whose(caller: Caller, parameters: Mapping[str, str], faults: list[Fault]) -> tuple[str | None, str]:
    """Return the client and the door whose jobs are listed: None and "" mean all."""
    client, door = parameters.get("client", ""), parameters.get("door", "")
    if not caller.is_admin:
        remedy = "Remove it: you see your own jobs."
        named = (name for name in ("client", "door") if parameters.get(name))
        faults += [Fault(f"/{name}", "needs an operator's key", remedy) for name in named]
        return caller.client, ""
    if door:
        _one_of("door", door, [one.value for one in Door], faults)
    # What is dropped belongs to a client of its own, whose jobs are found without looking at others.
    return client or (S3_DOOR if door == Door.S3 else None), door


def _ends_of(group: str, faults: list[Fault]) -> tuple[str, str]:
    """Return the cursors of the first and the last job that a group may have."""
    ids = groups.job_ids(group) if groups.is_group_id(group) else []
    milliseconds = created_in(ids[0], clock.now()) if ids else None
    if milliseconds is None:
        faults.append(Fault("/group", "no such group", "Use the `id` of a group: grp_..."))
        return job_index.START, job_index.END
    return job_index.cursor_in(milliseconds, ids[0]), job_index.cursor_in(milliseconds, ids[-1])


def _limit(text: str, faults: list[Fault]) -> int:
    limit = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(MAX_LIMIT)) else 0
    if not 1 <= limit <= MAX_LIMIT:
        faults.append(Fault("/limit", "is not a whole number from 1 to 100", "Use a whole number from 1 to 100."))
    return limit


def _one_of(name: str, value: str, choices: list[str], faults: list[Fault]) -> str:
    if value not in choices:
        faults.append(Fault(f"/{name}", "unknown value", f"Use one of {', '.join(choices)}."))
    return value


def _time(name: str, text: str, faults: list[Fault]) -> int | None:
    if not text:
        return None
    try:
        return round(_seconds(text) * 1000)
    except (ValueError, OverflowError, OSError):
        remedy = "Use seconds since 1970, or ISO 8601 such as 2026-11-27T12:00:00Z."
        faults.append(Fault(f"/{name}", "not a valid time", remedy))
        return None


def _seconds(text: str) -> float:
    if text.isascii() and text.isdigit():
        return datetime.fromtimestamp(int(text), UTC).timestamp()
    # A plus sign in a URL is decoded as a space.
    moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _cursor(caller: Caller, job_id: str, faults: list[Fault]) -> str:
    """Return the place of a job of this caller, or of a deleted one, whose id contains it."""
    job = _found(job_id)
    if job and caller.may_see(job.client):
        return job_index.cursor_of(job)
    milliseconds = created_in(job_id, clock.now())
    if job or milliseconds is None:
        faults.append(Fault("/after", "no such video", "Use `last_id` of the previous page."))
        return job_index.END
    return job_index.cursor_in(milliseconds, job_id)


def _found(job_id: str) -> Job | None:
    try:
        return jobs.get(job_id) if is_job_id(job_id) else None
    except JobNotFound:
        return None

"""Collects all that is known about one job, or one request, into one timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop import clock
from gallop.adapters import logs
from gallop.adapters.stepfunctions import job_workflow
from gallop.domain import timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gallop.domain.job import Job
    from gallop.domain.timeline import Moment

# Before its record is written, a job's request is read; after its end, it is announced.
BEFORE_SECONDS, AFTER_SECONDS = 300, 3600
# Of requests, not of jobs: their lines have no job ID.
WITHOUT_JOBS = frozenset({"AccessLogs", "AuthorizeLogs", "DescribeLogs"})
# A job has a create and perhaps a few cancels; what fails again and again is not searched for each time.
MAX_REQUESTS = 10


def timeline_of(job: Job, groups: Mapping[str, str]) -> list[Moment]:
    """Return what happened to a job, in order. ``groups`` are the log groups to search, by their names in the template.

    Raises:
        AwsTrouble: a history or log group cannot be read.

    """
    moments = [*timeline.of_record(job), *_executions(job), *_log_lines(job, groups)]
    return sorted(moments, key=lambda moment: moment.at)


def _executions(job: Job) -> Iterator[Moment]:
    for number in range(job.resumes + 1):
        name = job_workflow.name_of(job.id, number).removeprefix(job.id).removeprefix("-")
        label = f"execution {name}" if name else "execution"
        yield from timeline.of_history(label, job_workflow.history(job.id, number))


def lines_of_request(request_id: str, groups: Mapping[str, str], since: float) -> tuple[list[Moment], list[str]]:
    """Return the log lines of a request since a time, in order, and the jobs that they name.

    Raises:
        AwsTrouble: a log group cannot be read.

    """
    lines = sorted(_lines_with(request_id, groups, since, clock.now()), key=lambda found: found[1].at)
    job_ids = dict.fromkeys(job_id for _, line in lines for job_id in timeline.ids_in(line.text, "job_id"))
    return [timeline.of_log(line.at, line.text, name) for name, line in lines], [*job_ids]


def _log_lines(job: Job, groups: Mapping[str, str]) -> Iterable[Moment]:
    """Return the lines that name a job, and those that name a request which one of them names."""
    since = job.created_at - BEFORE_SECONDS
    until = min((job.ended_at or clock.now()) + AFTER_SECONDS, clock.now())
    of_jobs = {name: group for name, group in groups.items() if name not in WITHOUT_JOBS}
    found = set(_lines_with(job.id, of_jobs, since, until))
    requests = sorted({request for _, line in found for request in timeline.ids_in(line.text, "request_id")})
    for request in requests[:MAX_REQUESTS]:
        found.update(_lines_with(request, groups, since, until))
    return [timeline.of_log(line.at, line.text, name) for name, line in found]


def _lines_with(word: str, groups: Mapping[str, str], since: float, until: float) -> Iterator[tuple[str, logs.Line]]:
    for name, group in groups.items():
        yield from ((name, line) for line in logs.lines_with(word, group, since, until))

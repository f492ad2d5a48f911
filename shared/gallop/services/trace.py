"""Collects all that is known about one job into one timeline."""

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


def _log_lines(job: Job, groups: Mapping[str, str]) -> Iterable[Moment]:
    since = job.created_at - BEFORE_SECONDS
    until = min((job.ended_at or clock.now()) + AFTER_SECONDS, clock.now())
    for name, group in groups.items():
        for line in logs.lines_with(job.id, group, since, until):
            yield timeline.of_log(line.at, line.text, name)

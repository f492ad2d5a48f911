"""What the end of a job gives to the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.domain import failures
from gallop.domain.job import JobState
from gallop.domain.metrics import Metric

if TYPE_CHECKING:
    from gallop.domain.job import Job

_ENDS = {
    JobState.SUCCEEDED: Metric.JOBS_SUCCEEDED,
    JobState.FAILED: Metric.JOBS_FAILED,
    JobState.CANCELLED: Metric.JOBS_CANCELED,
}


def end_of(job: Job) -> Metric:
    """Return the metric that counts how a job ended."""
    return _ENDS[job.state]


def values_of(job: Job) -> dict[Metric, float]:
    """Return the cost of an ended job, and its times; a time that its record does not know is left out."""
    charged = failures.charge_of(job)
    cost = job.estimated_cost if charged is None else charged
    return {**({Metric.COST: float(cost)} if cost else {}), **_seconds(job)}


def _seconds(job: Job) -> dict[Metric, float]:
    in_queue = _between(job.created_at, job.slot_since)
    of_task = _between(job.running_since, job.task_ended_at)
    known = {
        Metric.QUEUE_SECONDS: in_queue,
        Metric.TASK_SECONDS: of_task,
        Metric.NOTICE_SECONDS: _between(job.task_ended_at, job.noticed_at),
    }
    if in_queue is not None and of_task is not None and job.ended_at is not None:
        known[Metric.OVERHEAD_SECONDS] = max(job.ended_at - job.created_at - in_queue - of_task, 0.0)
    return {metric: value for metric, value in known.items() if value is not None}


def _between(begin: float | None, end: float | None) -> float | None:
    # DashScope's clock and ours may differ a little.
    return None if begin is None or end is None else max(end - begin, 0.0)

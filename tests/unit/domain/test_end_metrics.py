"""What the end of a job says about its cost and its time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import gallop
import pytest
from gallop.domain.end_metrics import end_of, values_of
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, Job, JobState
from gallop.domain.metrics import METRICS, Metric

from tests.support.jobs import START, a_job

PACKAGE = Path(gallop.__file__).parent
TIMES = {
    "slot_since": START + 10,
    "running_since": START + 12,
    "task_ended_at": START + 92,
    "noticed_at": START + 95,
    "ended_at": START + 100,
}
SECONDS = {
    Metric.QUEUE_SECONDS: 10,
    Metric.TASK_SECONDS: 80,
    Metric.NOTICE_SECONDS: 3,
    Metric.OVERHEAD_SECONDS: 10,
}


def an_end(state: JobState = JobState.SUCCEEDED, **fields: Any) -> Job:  # noqa: ANN401 - any field of a job
    """Return an ended job that was created at ``START``."""
    return a_job(state, START, **{**TIMES, "cost": Decimal("0.7"), **fields})


def test_a_job_is_measured_from_its_record() -> None:
    """Queue, task and overhead add up to the time of the job; the overhead includes what passed until the notice."""
    assert {Metric.COST: 0.7, **SECONDS} == values_of(an_end())
    parts = (Metric.QUEUE_SECONDS, Metric.TASK_SECONDS, Metric.OVERHEAD_SECONDS)
    assert 100 == sum(values_of(an_end())[part] for part in parts)


@pytest.mark.parametrize(
    ("unknown", "missing"),
    [
        ("slot_since", {Metric.QUEUE_SECONDS, Metric.OVERHEAD_SECONDS}),
        ("running_since", {Metric.TASK_SECONDS, Metric.OVERHEAD_SECONDS}),
        ("task_ended_at", {Metric.TASK_SECONDS, Metric.NOTICE_SECONDS, Metric.OVERHEAD_SECONDS}),
        ("noticed_at", {Metric.NOTICE_SECONDS}),
    ],
)
def test_an_unknown_time_is_left_out(unknown: str, missing: set[Metric]) -> None:
    """A job that never got so far, or was recorded by an earlier version, gives no invented value."""
    without: dict[str, Any] = {unknown: None}
    found = values_of(replace(an_end(), **without)).keys() - {Metric.COST}
    assert SECONDS.keys() - missing == found


def test_no_time_is_negative() -> None:
    """DashScope's clock may be ahead of Gallop's."""
    assert 0 == values_of(an_end(task_ended_at=START + 99))[Metric.NOTICE_SECONDS]


def test_an_unknown_charge_counts_as_the_estimate() -> None:
    """A task that was lost may be charged, as in ``gallop spend``."""
    lost = an_end(JobState.FAILED, cost=None, failure=Failure(FailureCode.OUTCOME_UNKNOWN, "lost"))
    assert float(lost.estimated_cost) == values_of(lost)[Metric.COST]


def test_a_free_end_has_no_cost() -> None:
    """DashScope does not charge for tasks that fail."""
    refused = an_end(JobState.FAILED, cost=None, failure=Failure(FailureCode.GENERATION_FAILED, "refused"))
    assert Metric.COST not in values_of(refused)


@pytest.mark.parametrize(
    ("state", "metric"),
    [
        (JobState.SUCCEEDED, Metric.JOBS_SUCCEEDED),
        (JobState.FAILED, Metric.JOBS_FAILED),
        (JobState.CANCELLED, Metric.JOBS_CANCELED),
    ],
)
def test_each_end_has_its_metric(state: JobState, metric: Metric) -> None:
    """A job ends in one of three ways."""
    assert metric is end_of(an_end(state))


def test_every_metric_is_emitted() -> None:
    """None is only a name in the table, for which an alarm would wait in vain."""
    sources = [
        path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py") if path != PACKAGE / "domain/metrics.py"
    ]
    assert [] == [metric for metric in Metric if not any(f"Metric.{metric.name}" in source for source in sources)]


def test_every_metric_has_a_meaning() -> None:
    """The table that the page shows is complete, and a metric that is not in it cannot be emitted."""
    assert [*Metric] == [*METRICS]

"""Metrics: gathered during a run of a function, and written at its end in one line, which CloudWatch reads (EMF)."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from gallop import clock, settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gallop.domain.job import Job
    from gallop.domain.metrics import Metric

    # By metric, and by the code of a failure, which no other metric has.
    Gathered = dict[tuple[Metric, str], list[float]]

_gathered: ContextVar[Gathered | None] = ContextVar("gathered", default=None)


def begin() -> None:
    """Begin a run; what is measured outside of one is not written."""
    _gathered.set({})


def count(metric: Metric, number: int = 1, code: str = "") -> None:
    """Add to a number of the run; ``code`` is that of a failure."""
    if (gathered := _gathered.get()) is not None:
        before = gathered.get((metric, code), [0.0])
        gathered[metric, code] = [before[0] + number]


def measure(metric: Metric, value: float) -> None:
    """Add a value: of one job, or of the moment."""
    if (gathered := _gathered.get()) is not None:
        gathered.setdefault((metric, ""), []).append(value)


def job_ended(job: Job) -> None:
    """Measure the end of a job; only for the one write that ended it."""
    from gallop.domain.end_metrics import end_of, values_of  # noqa: PLC0415 - most runs end no job, and start sooner
    from gallop.domain.metrics import Metric  # noqa: PLC0415

    end = end_of(job)
    count(end, code=job.failure.code.value if job.failure and end is Metric.JOBS_FAILED else "")
    for metric, value in values_of(job).items():
        measure(metric, value)


def flush() -> None:
    """End a run, and write what was measured, if anything was.

    That is one line, because a line has one value per dimension: a run that ends jobs with several codes, which only a
    sweep does, writes one line per code.
    """
    gathered, stack = _gathered.get(), settings.stack_name()
    _gathered.set(None)
    if not gathered or not stack:
        return
    codes = sorted({code for _, code in gathered if code}) or [""]
    for code in codes:
        taken = ("", code) if code == codes[0] else (code,)
        _write(stack, code, {metric: values for (metric, of), values in gathered.items() if of in taken})


def _write(stack: str, code: str, values: Mapping[Metric, list[float]]) -> None:
    import json  # noqa: PLC0415 - a function that measures nothing starts sooner

    from gallop.domain.metrics import CODE, STACK, Metric  # noqa: PLC0415

    line = _line({STACK: stack}, values)
    if code:
        by_code = _line({STACK: stack, CODE: code}, {Metric.JOBS_FAILED: values[Metric.JOBS_FAILED]})
        line["_aws"]["CloudWatchMetrics"] += by_code["_aws"]["CloudWatchMetrics"]
        line[CODE] = code
    # Lambda passes a line of standard output on as it is, in either log format.
    print(json.dumps(line, separators=(",", ":")))  # noqa: T201


def _line(dimensions: dict[str, str], values: Mapping[Metric, list[float]]) -> dict[str, Any]:
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (  # noqa: PLC0415 - as above
        AmazonCloudWatchEMFProvider,
    )

    from gallop.domain.metrics import METRICS, NAMESPACE  # noqa: PLC0415

    # Without a service: Powertools would add it as a dimension, and each function's metrics were metrics of their own.
    provider = AmazonCloudWatchEMFProvider(namespace=NAMESPACE, service="", default_dimensions=dimensions)
    provider.timestamp = round(clock.now() * 1000)
    for metric, of_metric in values.items():
        for value in of_metric:
            provider.add_metric(metric.value, METRICS[metric].unit.value, round(value, 6))
    return dict(provider.serialize_metric_set())

"""Metrics: gathered during a run of a function, and written at its end in one line, which CloudWatch reads (EMF)."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from gallop import clock, log, settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gallop.domain.job import Job
    from gallop.domain.metrics import Metric

# Of a metric in a line of EMF.
_MAX_VALUES = 100


class _Run:
    """What a run has measured: by metric, and by the code of a failure; and the IDs that all of it has in common."""

    def __init__(self) -> None:
        self.values: dict[tuple[Metric, str], list[float]] = {}
        self.ids: dict[str, str] = {}

    def note_ids(self) -> None:
        known = self.ids if self.values else log.ids()
        self.ids = dict(known.items() & log.ids().items())


_run: ContextVar[_Run | None] = ContextVar("run", default=None)


def begin() -> None:
    """Begin a run; what is measured outside of one is not written."""
    _run.set(_Run())


def count(metric: Metric, number: int = 1, code: str = "") -> None:
    """Add to a number of the run; ``code`` is that of a failure."""
    if run := _run.get():
        run.note_ids()
        run.values[metric, code] = [sum(run.values.get((metric, code), [])) + number]


def measure(metric: Metric, value: float) -> None:
    """Add a value: of one job, or of the moment."""
    if run := _run.get():
        run.note_ids()
        run.values.setdefault((metric, ""), []).append(value)


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

    That is one line, except for a sweep that ends many jobs: a line has one value per dimension, and so one code; and a
    metric has up to 100 values in it.
    """
    run, stack = _run.get(), settings.stack_name()
    _run.set(None)
    if run is None or not run.values or not stack:
        return
    codes = sorted({code for _, code in run.values if code}) or [""]
    for code in codes:
        taken = ("", code) if code == codes[0] else (code,)
        of_code = {metric: values for (metric, of), values in run.values.items() if of in taken}
        for chunk in _chunks(of_code):
            _write(stack, code, chunk, run.ids)


def _chunks(values: Mapping[Metric, list[float]]) -> Iterator[dict[Metric, list[float]]]:
    """Split the values of each metric; a number, such as that of failed jobs, is in the first chunk."""
    for begin in range(0, max(map(len, values.values())), _MAX_VALUES):
        end = begin + _MAX_VALUES
        yield {metric: of_metric[begin:end] for metric, of_metric in values.items() if of_metric[begin:]}


def _write(stack: str, code: str, values: Mapping[Metric, list[float]], ids: Mapping[str, str]) -> None:
    import json  # noqa: PLC0415 - a function that measures nothing starts sooner

    from gallop.domain.metrics import CODE, STACK, Metric  # noqa: PLC0415

    line = _line({STACK: stack}, values)
    if code and Metric.JOBS_FAILED in values:
        by_code = _line({STACK: stack, CODE: code}, {Metric.JOBS_FAILED: values[Metric.JOBS_FAILED]})
        line["_aws"]["CloudWatchMetrics"] += by_code["_aws"]["CloudWatchMetrics"]
        line[CODE] = code
    # Lambda passes a line of standard output on as it is, in either log format. Its IDs are no dimensions.
    print(json.dumps({**line, **ids}, separators=(",", ":")))  # noqa: T201


def _line(dimensions: dict[str, str], values: Mapping[Metric, list[float]]) -> dict[str, Any]:
    from gallop.domain.metrics import METRICS, NAMESPACE  # noqa: PLC0415 - as above

    named = [{"Name": metric.value, "Unit": METRICS[metric].unit.value} for metric in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [[*dimensions]], "Metrics": named}
    return {
        "_aws": {"Timestamp": round(clock.now() * 1000), "CloudWatchMetrics": [directive]},
        **dimensions,
        **{metric.value: [round(float(value), 6) for value in of_metric] for metric, of_metric in values.items()},
    }

"""The figures of ``docs/costs.md``: list prices, and AWS's cost per job as ``docs/load.md`` measured it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gallop.domain import models
from gallop.domain.metrics import METRICS, SWEPT
from gallop.domain.prices import Scope

from tests.docs.markdown import table
from tests.load import prices
from tests.template import stack
from tests.testbed.aws.cloudwatch.alarms import read as read_alarm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gallop.domain.prices import Price

LOAD_PAGE = Path(__file__).parents[2] / "docs" / "load.md"
LENGTHS = (5, 10, 15)
# AWS's list prices in us-east-1, in USD, of what docs/load.md leaves out.
GB_MONTH_IN_S3, GB_OF_LOGS, GB_TO_THE_INTERNET = 0.023, 0.50, 0.09
TRACE, API_REQUEST, QUEUE_REQUEST, SECRET_REQUEST = 0.000005, 0.000001, 0.0000004, 0.000005
SECRET_PER_MONTH, ALARMED_METRIC_PER_MONTH, DASHBOARD_PER_MONTH, METRIC_PER_MONTH = 0.40, 0.10, 3.00, 0.30
HOURS_PER_MONTH = 720
# Lambda polls a queue with five connections, each for 20 seconds.
POLLS_PER_HOUR = 5 * 3600 / 20
# Estimates: a video with its images, the log entries, traces and API requests of a job, and a sweep that finds nothing.
GB_PER_VIDEO, GB_OF_LOGS_PER_JOB, TRACES_PER_JOB, REQUESTS_PER_JOB = 0.01, 0.00003, 10, 20
SWEEP_SECONDS, GB_OF_LOGS_PER_SWEEP = 0.1, 0.0000006


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a bill, in USD; ``arithmetic`` shows where it comes from."""

    what: str
    arithmetic: str
    usd: float


def vendor_prices() -> str:
    """Return the table of DashScope's list prices."""
    head = ("model", "resolution", "scope", "per second:", *(f"{length} s:" for length in LENGTHS), "seen", "source")
    rows = [
        (f"`{model.id}`", price.resolution, price.scope, *_row(price))
        for model in models.MODELS.values()
        for resolution in model.choices("resolution")
        for scope in Scope
        for price in model.prices
        if (price.resolution, price.scope) == (resolution, scope)
    ]
    return table(head, rows)


def job_bill() -> str:
    """Return what AWS charges for a job."""
    lines = [*_measured(), *_estimated()]
    total = Line("**a job**", "", sum(line.usd for line in lines))
    video = GB_PER_VIDEO * GB_TO_THE_INTERNET
    download = Line(
        "each download of 10 MB", f"{GB_PER_VIDEO:g} GB \N{MULTIPLICATION SIGN} {GB_TO_THE_INTERNET:g}", video
    )
    return _bill([*lines, total, download], digits=5)


def idle_bill() -> str:
    """Return what AWS charges per month for a stack that does nothing, at the default parameters."""
    lines = list(_idle())
    return _bill([*lines, Line("**a month**", "", sum(line.usd for line in lines))], digits=2)


def figure(row: str) -> float:
    """Return what docs/load.md measured for 100 jobs in one process.

    Raises:
        ValueError: the page has no such row.

    """
    page = LOAD_PAGE.read_text(encoding="utf-8").partition("## In one process")[2]
    for line in page.splitlines():
        cells = [cell.strip(" *") for cell in line.split("|")]
        if len(cells) > 3 and cells[1] == row:  # the row's name, and the columns of N = 10 and N = 100
            return float(cells[3])
    raise ValueError(f"docs/load.md has no row {row!r}.")


def _row(price: Price) -> Iterator[str]:
    yield f"{price.usd.normalize():f}"
    yield from (f"{price.usd * length:.2f}" for length in LENGTHS)
    yield price.seen.isoformat()
    yield price.source


def _measured() -> Iterator[Line]:
    transitions, runs = figure("state transitions per job"), figure("function runs per job")
    gb_seconds = figure("GB-seconds per job (assumed)")
    writes, reads = figure("table write units per job"), figure("table read units per job")
    s3_writes, s3_reads = figure("S3 writes per job"), figure("S3 reads per job")
    yield _product("Step Functions", (transitions, "transitions", prices.TRANSITION))
    yield _product("Lambda", (runs, "runs", prices.RUN), (gb_seconds, "GB-seconds", prices.GB_SECOND))
    yield _product("DynamoDB", (writes, "writes", prices.WRITE_UNIT), (reads, "reads", prices.READ_UNIT))
    yield _product("S3 requests", (s3_writes, "writes", prices.S3_WRITE), (s3_reads, "reads", prices.S3_READ))


def _estimated() -> Iterator[Line]:
    yield _product("S3 storage for a month (estimate)", (GB_PER_VIDEO, "GB", GB_MONTH_IN_S3))
    yield _product(
        "logs, traces, API requests (estimate)",
        (GB_OF_LOGS_PER_JOB, "GB", GB_OF_LOGS),
        (TRACES_PER_JOB, "traces", TRACE),
        (REQUESTS_PER_JOB, "requests", API_REQUEST),
    )


def _idle() -> Iterator[Line]:
    yield _product("secrets", (_count("AWS::SecretsManager::Secret"), "", SECRET_PER_MONTH))
    yield _product("alarms", (_watched_metrics(), "metrics", ALARMED_METRIC_PER_MONTH))
    yield _product("dashboard", (_count("AWS::CloudWatch::Dashboard"), "", DASHBOARD_PER_MONTH))
    sweeps = sum(_runs_per_month(rule["Properties"]) for rule in stack.of_type("AWS::Events::Rule").values())
    memory = int(stack.functions()["ReconcileFunction"]["MemorySize"]) / 1024
    yield _product(
        "sweep (estimate)",
        (sweeps, "runs and traces", prices.RUN + TRACE),
        (sweeps * SWEEP_SECONDS * memory, "GB-seconds", prices.GB_SECOND),
    )
    yield _product("the sweep reads the list of accounts", (sweeps, "requests", SECRET_REQUEST))
    # Without those of caps: by default, there are none.
    gauges = [metric for metric, one in METRICS.items() if one.when == SWEPT and "Cap" not in metric]
    yield _product(
        "metrics of the sweep",
        (len(gauges), "metrics", METRIC_PER_MONTH),
        (sweeps * GB_OF_LOGS_PER_SWEEP, "GB of logs", GB_OF_LOGS),
    )
    queues = _count("AWS::Lambda::EventSourceMapping")
    yield _product(
        "Lambda polling the drop queue (estimate)",
        (queues * POLLS_PER_HOUR * HOURS_PER_MONTH, "requests", QUEUE_REQUEST),
    )


def _count(kind: str) -> int:
    """Count the resources of a type that no condition leaves out."""
    return len(_existing(kind))


def _existing(kind: str) -> dict[str, dict[str, Any]]:
    resources = stack.of_type(kind).items()
    return {name: one for name, one in resources if "Condition" not in one or stack.holds(one["Condition"])}


def _watched_metrics() -> int:
    """Count the metrics of all alarms: AWS charges for each, also where metric math combines several to one."""
    found = _existing("AWS::CloudWatch::Alarm").items()
    return sum(len(read_alarm(name, stack.resolve(one["Properties"])).metrics) for name, one in found)


def _runs_per_month(rule: dict[str, str]) -> float:
    found = re.fullmatch(r"rate\((\d+) minutes?\)", rule["ScheduleExpression"])
    if found is None:
        raise ValueError(f"How often is {rule['ScheduleExpression']!r}?")
    return HOURS_PER_MONTH * 60 / int(found[1])


def _product(what: str, *factors: tuple[float, str, float]) -> Line:
    arithmetic = " + ".join(
        f"{_figure(amount)} {unit}".strip() + f" \N{MULTIPLICATION SIGN} {_figure(price)}"
        for amount, unit, price in factors
    )
    return Line(what, arithmetic, sum(amount * price for amount, _, price in factors))


def _figure(value: float) -> str:
    return f"{value:,.10f}".rstrip("0").rstrip(".")


def _bill(lines: Iterable[Line], digits: int) -> str:
    rows = [(line.what, line.arithmetic, _bold(f"{line.usd:.{digits}f}", line.what)) for line in lines]
    return table(("what", "arithmetic", "USD:"), rows)


def _bold(text: str, like: str) -> str:
    return f"**{text}**" if like.startswith("**") else text

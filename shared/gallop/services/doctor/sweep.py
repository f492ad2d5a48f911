"""Whether the sweep runs, which repairs jobs and frees slots."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gallop import clock
from gallop.adapters import logs
from gallop.adapters.operator_calls import ask, needing
from gallop.domain.diagnosis import failure, ok
from gallop.domain.metrics import Metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.diagnosis import Finding
    from gallop.services.doctor.deployment import Deployment

RULE, LOGS = "ReconcileFunctionSweep", "ReconcileLogs"
# It runs every minute, and a log line is searchable some seconds later. A new stack's first run may be to come.
RECENT_SECONDS, PATIENCE_SECONDS, POLL_SECONDS = 180, 120, 3


def check(deployment: Deployment) -> Iterator[Finding]:
    """Check that its schedule is enabled, and that a sweep went through a short time ago."""
    name, group = deployment.resource(RULE), deployment.resource(LOGS)
    rule = ask("events", "describe_rule", Name=name)
    if rule["State"] != "ENABLED":
        seen = "The schedule of the sweep is disabled: interrupted jobs are not resumed, and slots not freed."
        yield failure("sweep", seen, f"aws events enable-rule --name {name}")
        return
    last = _awaited(group, clock.now())
    if last is None:
        seen = f"No sweep went through for {(RECENT_SECONDS + PATIENCE_SECONDS) / 60:g} minutes."
        yield failure("sweep", seen, f"Look at its log: aws logs tail {group} --since 1h")
        return
    yield ok("sweep", f"{rule['ScheduleExpression']}; the last went through {max(0, round(clock.now() - last))} s ago.")


def _awaited(group: str, now: float) -> float | None:
    """Return when the last sweep went through, in seconds since the epoch; wait for it, but not for long."""
    while True:
        last = _last_sweep(group, now - RECENT_SECONDS)
        if last is not None or clock.now() > now + PATIENCE_SECONDS:
            return last
        clock.sleep(POLL_SECONDS)


def _last_sweep(group: str, since: float) -> float | None:
    """Return when the last sweep went through, in seconds since the epoch: only that writes its metric.

    Other lines are also of runs that failed, and of those that an operator's commands made.
    """
    lines = needing("logs:FilterLogEvents", lambda: logs.lines_with(Metric.SWEEPS.value, group, since, clock.now()))
    return max((line.at for line in lines if _is_of_sweep(line.text)), default=None)


def _is_of_sweep(line: str) -> bool:
    try:
        found = json.loads(line)
    except ValueError:
        return False
    return isinstance(found, dict) and Metric.SWEEPS in found

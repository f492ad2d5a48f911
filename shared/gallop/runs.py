"""What every run of a function does besides its work: its log lines have its IDs, and its metrics are written."""

from __future__ import annotations

import gc
import re
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from gallop import log, metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

# A function that starts makes tens of thousands of objects and no garbage: looking for some takes a tenth of its start.
gc.set_threshold(50_000, 20, 20)

T = TypeVar("T")
_JOB_IN_PATH = re.compile(r"/(job_[a-z2-7]{26})(?:/|$)")


def recorded(handler: Callable[[dict[str, Any], LambdaContext], T]) -> Callable[[dict[str, Any], LambdaContext], T]:
    """Give the log lines of each run of a handler its IDs, and write its metrics at its end, also if it raises."""

    @wraps(handler)
    def run(event: dict[str, Any], context: LambdaContext) -> T:
        with log.having(**_ids_in(event), invocation_id=context.aws_request_id):
            metrics.begin()
            try:
                answer = handler(event, context)
            except Exception:
                _write_metrics()
                raise
            _write_metrics()
            return answer

    return run


def _write_metrics() -> None:
    # A step has done its work by now: its answer or its error decides how the job continues.
    try:
        metrics.flush()
    except Exception:  # noqa: BLE001 - whatever it is, it is no reason to repeat the step
        log.exception("metrics not written")


def _ids_in(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the IDs that an event has; the path of a request may name a job."""
    named = _JOB_IN_PATH.search(event.get("rawPath", ""))
    return {
        "job_id": named[1] if named else event.get("job_id", ""),
        "request_id": event.get("requestContext", {}).get("requestId", ""),
        "batch": event.get("run", {}).get("batch", {}).get("id", ""),
    }

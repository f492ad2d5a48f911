"""What was learned of how long tasks run: a sketch for each model, resolution and length, in the table.

It only makes questions better timed. So nothing here ever fails: what cannot be read is what was published, and what
cannot be written is one task less to learn from.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from gallop import clock, log
from gallop.adapters import aws
from gallop.adapters.table import dynamo
from gallop.domain.errors import AwsTrouble
from gallop.domain.scheduling import histogram

if TYPE_CHECKING:
    from gallop.domain.request.request import VideoRequest
    from gallop.domain.scheduling.histogram import Histogram

KEPT_SECONDS = 60
# Longer than DashScope lets a task run.
LONGEST_SECONDS = 4 * 3600

Kind = tuple[str, str, int]


def known(request: VideoRequest) -> Histogram:
    """Give how long tasks of this kind run, as it stood within the last minute."""
    kind = _kind(request)
    try:
        return _kept(kind, int(clock.now() // KEPT_SECONDS)) or _seed(kind)
    except AwsTrouble as trouble:
        log.warning("times of tasks cannot be read", reason=str(trouble))
        return _seed(kind)


def add(request: VideoRequest, seconds: float) -> None:
    """Learn from a task that has succeeded. If others learn at the same time, one of them is enough."""
    kind = _kind(request)
    if not 0 < seconds <= LONGEST_SECONDS:
        return
    try:
        before = _read(kind)
        _write(kind, before, (before or _seed(kind)).with_task(seconds))
    except AwsTrouble as trouble:
        log.warning("the time of a task cannot be written", reason=str(trouble))


def clear_cache() -> None:
    """Read again at the next question."""
    _kept.cache_clear()


@lru_cache(maxsize=64)
def _kept(kind: Kind, _minute: int) -> Histogram | None:
    return _read(kind)


@aws.guarded
def _read(kind: Kind) -> Histogram | None:
    item = dynamo.get(_key(kind))
    try:
        return histogram.from_map(item) if item else None
    except ValueError:
        return None


@aws.guarded
def _write(kind: Kind, before: Histogram | None, after: Histogram) -> None:
    # Each task counts one up, so their number is the version. What nobody can read is written over.
    condition, version = ("tasks = :before", {":before": before.tasks}) if before else ("", {})
    values = {f":{name}": value for name, value in after.as_map().items()}
    change = "SET #format = :format, tasks = :tasks, weights = :weights"
    dynamo.write(dynamo.update(_key(kind), change, condition, {**values, **version}, {"#format": "format"}))


def _seed(kind: Kind) -> Histogram:
    _, resolution, duration = kind
    return histogram.seed(resolution, duration)


def _kind(request: VideoRequest) -> Kind:
    return request.model, request.resolution, request.duration


def _key(kind: Kind) -> dict[str, str]:
    return {"pk": "DURATIONS", "sk": "|".join(map(str, kind))}

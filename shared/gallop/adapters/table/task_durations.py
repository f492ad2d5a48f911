"""How long the last tasks ran, for each account, model, resolution and duration, in the table.

It only improves the timing of polls, so nothing here fails: on a failed read the published figures apply, and after a
failed write there is one task less to learn from.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from gallop import clock, log
from gallop.adapters import aws
from gallop.adapters.table import dynamo
from gallop.domain.errors import AwsTrouble
from gallop.domain.lanes import DEFAULT_ACCOUNT
from gallop.domain.request import estimate
from gallop.domain.scheduling import run_times

if TYPE_CHECKING:
    from gallop.domain.request.request import VideoRequest
    from gallop.domain.scheduling.run_times import RunTimes

KEPT_SECONDS = 60
# DashScope's maximum run time is shorter.
LONGEST_SECONDS = 4 * 3600

Kind = tuple[str, str, int, str]


def known(request: VideoRequest, account: str = "") -> RunTimes:
    """Return how long the last tasks of this kind ran in an account, as of the last minute."""
    kind = _kind(request, account)
    try:
        return _kept(kind, int(clock.now() // KEPT_SECONDS)) or _published(kind)
    except AwsTrouble as error:
        log.warning("task durations read failed", error=str(error))
        return _published(kind)


def add(request: VideoRequest, seconds: float, account: str = "") -> None:
    """Learn from a task that has succeeded. Of simultaneous updates, one is enough."""
    kind = _kind(request, account)
    if not 0 < seconds <= LONGEST_SECONDS:
        return
    try:
        if not _add(
            kind, _kept(kind, int(clock.now() // KEPT_SECONDS)), seconds, if_unreadable="attribute_not_exists(pk)"
        ):
            # It has changed within the last minute, or cannot be read.
            _add(kind, _read(kind), seconds)
    except AwsTrouble as error:
        log.warning("task duration write failed", error=str(error))


def clear_cache() -> None:
    """Forget what was read, so that the next call reads the table."""
    _kept.cache_clear()


@lru_cache(maxsize=64)
def _kept(kind: Kind, _minute: int) -> RunTimes | None:
    return _read(kind)


@aws.guarded
def _read(kind: Kind) -> RunTimes | None:
    item = dynamo.get(_key(kind))
    try:
        return run_times.from_map(item) if item else None
    except ValueError:
        return None


@aws.guarded
def _add(kind: Kind, before: RunTimes | None, seconds: float, if_unreadable: str = "") -> bool:
    # Each task increments ``tasks``, so that number is the version. An unreadable item is overwritten, also one of an
    # earlier format.
    condition, version = ("tasks = :before", {":before": before.tasks}) if before else (if_unreadable, {})
    after = (before or _published(kind)).with_task(seconds)
    values = {f":{name}": value for name, value in after.as_map().items()}
    change = "SET #format = :format, tasks = :tasks, milliseconds = :milliseconds"
    return dynamo.write(dynamo.update(_key(kind), change, condition, {**values, **version}, {"#format": "format"}))


def _published(kind: Kind) -> RunTimes:
    _, resolution, duration, _ = kind
    return run_times.published(resolution, duration)


def _kind(request: VideoRequest, account: str) -> Kind:
    of_account = "" if account == DEFAULT_ACCOUNT else account
    return request.model, request.resolution, round(estimate.output_seconds(request)), of_account


def _key(kind: Kind) -> dict[str, str]:
    return {"pk": "DURATIONS", "sk": "|".join(str(part) for part in kind if part != "")}

"""``gallop drain`` and ``gallop undrain``: let all jobs end and no new one begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gallop import clock
from gallop.adapters.table import drains
from gallop.cli import show
from gallop.cli.target import StackOption, opened
from gallop.domain import times
from gallop.services import drain as service

if TYPE_CHECKING:
    from collections import Counter

MAPPING = "SubmitFunctionDrops"
POLL_SECONDS = 2

WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until all jobs have ended.")]


def drain(wait: WaitOption = False, json: show.JsonOption = False, stack: StackOption = "") -> None:
    """Accept no new jobs at either door: creates get 503 and Retry-After, and dropped files wait in the queue.

    Accepted jobs continue, with the other lines of batches that have begun. Nothing is lost: after `gallop undrain` the
    S3 door takes what was dropped meanwhile.
    """
    with opened(stack) as target:
        service.drain(target.resource(MAPPING))
        left = service.open_jobs()
        while wait and left:
            show.remark(f"Still open: {_counts(left)}")
            clock.sleep(POLL_SECONDS)
            left = service.open_jobs()
        since = drains.since() or target.now()
    if json:
        show.as_json({"draining_since": times.timestamp(since), "open": dict(left)})
        return
    state = f"Still open: {_counts(left)}" if left else "All jobs have ended"
    show.remark(f"Stack {target.stack!r} accepts no new jobs since {times.day_and_time(since)}. {state}.")
    if left["parked"]:
        show.remark("Parked jobs wait for budget. Cancel them, if you do not want to wait: gallop jobs --state parked")


def undrain(stack: StackOption = "") -> None:
    """Accept new jobs again, and take what was dropped meanwhile."""
    with opened(stack) as target:
        service.undrain(target.resource(MAPPING))
    show.remark(f"Stack {target.stack!r} accepts new jobs.")


def _counts(left: Counter[str]) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in sorted(left.items()))

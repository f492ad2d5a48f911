"""Words for what a job, a file and a duration are, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.domain.placement import ANYWHERE, Placement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.client import Job

MINUTE, HOUR = 60, 3600
_KILO = 1000


def state(job: Job) -> str:
    """Return the state of a job, with its position in the queue, and where it may run if that is not anywhere."""
    word, found = job.state.replace("_", " "), job.data.get("placement")
    if not job.queue_position:
        return word
    placement = Placement(found["account"] or "", found["tags"]) if found else ANYWHERE
    return f"{word}, position {job.queue_position:,}{f' for {placement.text}' if placement else ''}"


def cost(job: Job) -> str:
    """Return what a job costs in US dollars, marked as long as it is an estimate."""
    return f"~${job.estimated_cost:.2f}" if job.cost is None else f"${job.cost:.2f}"


def costs(jobs: Sequence[Job]) -> str:
    """Return what jobs cost together, marked as long as one of them may still be charged."""
    total = sum(job.estimated_cost if job.cost is None else job.cost for job in jobs if job.cost or not job.has_ended)
    return f"{'' if all(job.has_ended for job in jobs) else '~'}${total:.2f}"


def minutes(seconds: float) -> str:
    """Format a duration: ``2:05``, ``1:02:05``."""
    whole = max(0, int(seconds))
    start = f"{whole // HOUR}:{whole % HOUR // MINUTE:02}" if whole >= HOUR else f"{whole // MINUTE}"
    return f"{start}:{whole % MINUTE:02}"


def size(count: int) -> str:
    """Format a number of bytes: ``2.3 MB``."""
    if count < _KILO * _KILO:
        return f"{count / _KILO:.0f} kB"
    return f"{count / _KILO / _KILO:.1f} MB"


def plain(text: str) -> str:
    """Return a text without what a terminal would obey: each control character is replaced, a line break too."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in " ".join(text.split()))

"""When to ask DashScope about a task, and how far a task is.

**The rule.** From nine tenths of the time of the fastest of the last 50 tasks on, ask every 6 seconds, and every
3 seconds once a fifth of them would have ended. If a task runs longer than the slowest of them, wait for another
twentieth of the time by which it is late, up to two minutes.

**The limit.** DashScope answers 20 queries per second and account (fact sheet §6). If all tasks that may be in flight
would need more than 18 of them, the intervals grow. The rest is for the query that gets the address of each video.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gallop.domain.scheduling.run_times import RunTimes

EARLY_SHARE, LIKELY_SHARE = 0.9, 0.2
POSSIBLE_SECONDS, LIKELY_SECONDS, LONGEST_SECONDS = 6, 3, 120
LATE_SHARE = 1 / 20
QUERIES_PER_SECOND = 18
LAST_PERCENT = 95


def next_wait(known: RunTimes, age: float, in_flight: int = 1) -> int:
    """Return the whole seconds to wait before the next query about a task that has run for ``age`` seconds.

    ``in_flight`` is the number of tasks that may be queried at the same time.
    """
    first, slowest = EARLY_SHARE * known.after(0), known.after(1)
    wait = POSSIBLE_SECONDS if age < known.after(LIKELY_SHARE) else LIKELY_SECONDS
    if age < first:
        wait = ceil(first - age) + POSSIBLE_SECONDS
    if age > slowest:
        wait = max(wait, min(round(LATE_SHARE * (age - slowest)), LONGEST_SECONDS))
    return max(wait, ceil(in_flight / QUERIES_PER_SECOND))


def progress_percent(known: RunTimes, age: float) -> int:
    """Estimate the progress of a task that has run for ``age`` seconds: the mean over the known run times.

    It grows with the age, up to ``LAST_PERCENT``.
    """
    shares = [min(max(age, 0.0) / max(whole, 1.0), 1.0) for whole in known.seconds]
    return int(LAST_PERCENT * sum(shares) / len(shares))

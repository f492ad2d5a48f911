"""How long a drop must stay unchanged before it counts as complete.

Only finished uploads are visible, and over a slow uplink the next file may take longer than any fixed time. The longest
gap between a drop's own files shows how slow its uplink is.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_SECONDS = 300
# Unfinished uploads are waited for as long. An interrupted one stays for a day, until the bucket's rule aborts it.
MAX_UPLOAD_SECONDS = 3600
GAPS = 3


def seconds(minimum: float, uploaded: Iterable[float], answered_at: float = 0.0) -> float:
    """Return the seconds of quiet that a drop needs: at least ``minimum``, or three times the longest gap.

    ``uploaded`` are the times of its files. Those up to ``answered_at`` were refused, and those of more than the
    maximum ago are of an earlier day's work: what followed is an upload of its own.
    """
    times = sorted(time for time in uploaded if time > answered_at)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    longest = max((gap for gap in gaps if gap <= MAX_SECONDS), default=0.0)
    return max(minimum, min(GAPS * longest, MAX_SECONDS))

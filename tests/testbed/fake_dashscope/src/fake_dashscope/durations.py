"""How long a task runs: random, so that the running times in Alibaba's published samples are ordinary outcomes.

A median of ``overhead + per_second * length`` and a log-normal spread. The samples: r2v 720P 3 s in 102 s and 5 s
in 40 s, t2v 720P 5 s in 80 s, edit in 59 s, 1080P 5 s in 220 s, 1080P 15 s in 14 min (1.0) or 12 min (1.1).
"""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

OVERHEAD = 30.0
PER_SECOND = {
    "happyhorse-1.0": {"720P": 8.0, "1080P": 54.0},
    "happyhorse-1.1": {"480P": 5.0, "720P": 8.0, "1080P": 46.0},
}
SPREAD = 0.4
WIDEST = 2.5
START_DELAY = (0.036, 0.054)
HARD_LIMIT = 3 * 3600.0


def median(model: str, resolution: str, seconds: float) -> float:
    """Return the median running time in seconds for a video of ``seconds``."""
    return OVERHEAD + PER_SECOND.get(model[:14], {}).get(resolution, 8.0) * seconds


def draw(rng: Random, model: str, resolution: str, seconds: float) -> float:
    """Draw a running time in seconds."""
    deviation = max(-WIDEST, min(WIDEST, rng.gauss(0.0, 1.0)))
    return min(median(model, resolution, seconds) * exp(SPREAD * deviation), HARD_LIMIT - 1)


def start_delay(rng: Random) -> float:
    """Draw the seconds between a submit and the start of its task on an idle account."""
    return rng.uniform(*START_DELAY)

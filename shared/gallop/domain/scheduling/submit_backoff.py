"""How fast submits follow one another in a lane, which all jobs of an account and model share.

DashScope takes 5 submits a second (fact sheet §6). A submit that it refuses for its limits doubles the interval for
all, and each that it takes halves it again: so the lane finds the pace that is possible now, and nobody has to tell it.
"""

from __future__ import annotations

SHORTEST_SECONDS = 0.25
AFTER_REFUSAL_SECONDS = 1.0
LONGEST_SECONDS = 60.0
# After a refusal for the account's key, rights or bill: the next job would be refused as well, and whoever mends it
# finds most of those that wait still waiting.
ACCOUNT_REFUSED_SECONDS = 60.0


def after_acceptance(interval: float) -> float:
    """Give the interval after a submit that DashScope took."""
    return max(interval / 2, SHORTEST_SECONDS)


def after_refusal(interval: float) -> float:
    """Give the interval after a submit that DashScope refused for its limits."""
    return min(max(2 * interval, AFTER_REFUSAL_SECONDS), LONGEST_SECONDS)

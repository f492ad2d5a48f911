"""The interval between submits in a lane, which all jobs of an account and model share.

DashScope accepts 5 submits per second (fact sheet §6). Each submit that it throttles doubles the interval of the lane,
and each that it accepts halves it: the lane adapts to the current limit, which is not configured anywhere.
"""

from __future__ import annotations

SHORTEST_SECONDS = 0.25
AFTER_REFUSAL_SECONDS = 1.0
LONGEST_SECONDS = 60.0
# After a refusal because of the account's key, permissions or bill: the next job would be refused as well. Most of the
# waiting jobs are still waiting when the operator has solved the problem.
ACCOUNT_REFUSED_SECONDS = 60.0


def after_acceptance(interval: float) -> float:
    """Return the interval, in seconds, after a submit that DashScope accepted."""
    return max(interval / 2, SHORTEST_SECONDS)


def after_refusal(interval: float) -> float:
    """Return the interval, in seconds, after a submit that DashScope throttled."""
    return min(max(2 * interval, AFTER_REFUSAL_SECONDS), LONGEST_SECONDS)

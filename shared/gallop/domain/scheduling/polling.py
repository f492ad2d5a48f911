"""When to poll DashScope for a task, and how far a task is.

**The cost of a schedule.** The run time of one task is unknown, but the distribution of run times is known: a share
``F(t)`` of all tasks has ended by age t, ``S = 1 - F`` is still running, and ``f`` is the density. A wait from t to u
costs one query for each task that is still running at t, and a query is worth ``p`` seconds of delay. A task that ends
at x in between is noticed ``u - x`` late. The schedule minimizes E[delay] + p * E[queries]. With ``V(t)`` for the cost
that remains from t on,

    V(t) = min over u > t of  p * S(t)  +  integral from t to u of (F(x) - F(t)) dx  +  V(u),

where the integral is the delay, by parts. Where queries are frequent, waits of d cost ``p/d + (f/S) * d/2`` per second
and running task. The minimum is ``sqrt(2p * f/S)``, at ``d = sqrt(2p * S/f)``. Therefore V(u) is close to the integral
from u on of ``sqrt(2p * f * S) dx``, and never less than ``p * S(u)``, because each running task needs another query.
With this approximation of V(u), the next wait is found by trying all candidates: one step of policy iteration, from a
policy that is optimal in the limit. As a result there is no query before a task can have ended, queries are most
frequent where most tasks end, and there is none in a gap between two clusters of run times.

**What is known.** F is a mixture: 99 % is the histogram of the tasks that ended, and 1 % is a task of which only the
mean m of that histogram is known: ``t / (m + t)``, the Lomax distribution, which is an exponential with an unknown
rate. The 1 % allows for run times that have never occurred. For a task that outlasts the histogram the hazard is
``1 / (m + t)``, so that the waits grow with the age, as ``sqrt(2p * (m + t))``.

**The price of a query.** ``p = 20.5² / 2m``: with the mean alone, the first waits would be 20.5 s. Each second of delay
beyond 14 s counts nine times, which reduces the waits to the 15 s that DashScope recommends. The first constant keeps
the number of queries low, the second keeps the tail of the delay short, and together they work for normal, uniform and
log-normal run times. In money: a query is three state transitions and one function call, $0.00008; for a task of 80 s
it is worth 2.6 s of delay, for one of 800 s 0.26 s.

**Bounds.** Waits are whole seconds, at least 1. They are long enough that all tasks that may be in flight send at most
10 queries per second, half of what an account may send (fact sheet §6), even if they fall together. They are at least
1/80 of the age, which limits the length of an execution's history, and at most two minutes once the age exceeds every
known run time.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from math import ceil, inf, sqrt
from typing import TYPE_CHECKING

from gallop.domain.scheduling.histogram import EDGES, MIDDLES, bin_of

if TYPE_CHECKING:
    from gallop.domain.scheduling.histogram import Histogram

FIRST_SECONDS = 20.5
LATE_SECONDS, LATE_WEIGHT = 14, 8
UNKNOWN = 0.01
STEPS_PER_WAIT = 40
SHORTEST_SECONDS, LONGEST_SECONDS = 1, 120
SHARE_OF_AGE = 1 / 80
QUERIES_PER_SECOND = 10
LAST_PERCENT = 95


def next_wait(known: Histogram, age: float, in_flight: int = 1) -> int:
    """Return the whole seconds to wait before the next query about a task that has run for ``age`` seconds.

    ``in_flight`` is the number of tasks that may be queried at the same time.
    """
    age = max(age, 0.0)
    return _outlook(known).best_wait(age, least_wait(age, in_flight))


def least_wait(age: float, in_flight: int) -> int:
    """Return the minimum wait between two queries, in whole seconds, whatever the known run times are."""
    by_age = min(round(SHARE_OF_AGE * age), LONGEST_SECONDS)
    return max(SHORTEST_SECONDS, ceil(in_flight / QUERIES_PER_SECOND), by_age)


def progress_percent(known: Histogram, age: float) -> int:
    """Estimate the progress of a task that has run for ``age`` seconds: the mean over all possible run times.

    It grows with the age, up to ``LAST_PERCENT``.
    """
    shares = (weight * min(max(age, 0.0) / whole, 1.0) for weight, whole in zip(known.weights, MIDDLES, strict=True))
    return int(LAST_PERCENT * sum(shares) / sum(known.weights))


@dataclass(frozen=True, slots=True)
class _Outlook:
    """A histogram prepared for lookups: at each edge of a bin, F of the histogram alone, and the approximation of V."""

    mean: float
    price: float
    known_until: float
    ended: tuple[float, ...]
    to_pay: tuple[float, ...] = ()

    def best_wait(self, age: float, least: int) -> int:
        """Try waits from ``least`` upwards, until the delay alone costs more than the best wait so far."""
        before, delay = self.share_ended(age), 0.0
        best, best_cost, wait = least, inf, 0
        longest = max(least, LONGEST_SECONDS, ceil(self.known_until - age))
        while wait < longest and delay <= best_cost:
            step = max(1, wait // STEPS_PER_WAIT)
            delay += step * self._delay_per_second(age + wait + step / 2, age, before)
            wait += step
            cost = delay + self._remaining_cost(age + wait)
            if wait >= least and cost < best_cost:
                best, best_cost = wait, cost
        return best

    def share_ended(self, age: float) -> float:
        """Return F, the share of tasks that has ended by this age."""
        return (1 - UNKNOWN) * _between(self.ended, age) + UNKNOWN * age / (self.mean + age)

    def _delay_per_second(self, age: float, since: float, before: float) -> float:
        """Return the cost of a second's wait at this age, for the tasks that ended since the last query."""
        late = max(self.share_ended(max(age - LATE_SECONDS, since)) - before, 0.0)
        return self.share_ended(age) - before + LATE_WEIGHT * late

    def _remaining_cost(self, age: float) -> float:
        if age >= self.known_until:
            return _tail(self.mean, self.price, age)
        return max(_between(self.to_pay, age), self.price * (1 - self.share_ended(age)))


@lru_cache(maxsize=32)
def _outlook(known: Histogram) -> _Outlook:
    mean, total = known.mean, sum(known.weights)
    price = FIRST_SECONDS**2 / (2 * mean)
    ended = tuple(share / total for share in accumulate(known.weights, initial=0.0))
    last = bisect_left(ended, ended[-1])
    outlook = _Outlook(mean, price, EDGES[last], ended)
    shares = [outlook.share_ended(edge) for edge in EDGES]
    to_pay = [_tail(mean, price, edge) for edge in EDGES]
    for number in reversed(range(last)):
        ends, runs = shares[number + 1] - shares[number], 1 - (shares[number + 1] + shares[number]) / 2
        width = EDGES[number + 1] - EDGES[number]
        to_pay[number] = to_pay[number + 1] + sqrt(2 * price * max(ends, 0.0) * runs * width)
    return replace(outlook, to_pay=tuple(to_pay))


def _tail(mean: float, price: float, age: float) -> float:
    """Return V beyond the histogram, where only the Lomax distribution remains, in closed form."""
    return UNKNOWN * mean * sqrt(8 * price / (mean + age))


def _between(at_edges: tuple[float, ...], age: float) -> float:
    if age <= EDGES[0]:
        return at_edges[0]
    if age >= EDGES[-1]:
        return at_edges[-1]
    number = bin_of(age)
    share = (age - EDGES[number]) / (EDGES[number + 1] - EDGES[number])
    return at_edges[number] + share * (at_edges[number + 1] - at_edges[number])

"""When to ask DashScope again, and what to tell those who wait.

**What a schedule costs.** How long a task will run is not known, but how such times are spread: of all tasks the share
``F(t)`` has ended by the age t, ``S = 1 - F`` still runs, and ``f`` is the density. A wait from t to u costs everybody
who still runs at t one question, which is worth ``p`` seconds of delay; and what ends at x in between is noticed
``u - x`` late. We want the least E[delay] + p * E[questions]. With ``V(t)`` for what is still to be paid from t on,

    V(t) = min over u > t of  p * S(t)  +  integral from t to u of (F(x) - F(t)) dx  +  V(u),

where the integral is the delay, by parts. Where questions come close together, waits of d cost ``p/d + (f/S) * d/2`` a
second and running task. That is least at ``d = sqrt(2p * S/f)``, where it is ``sqrt(2p * f/S)``; so V(u) is close to
the integral from u on of ``sqrt(2p * f * S) dx``, and never under ``p * S(u)``, as what still runs costs a question.
With this in place of V(u) the next wait is found by trial: one step of policy iteration, from a policy that is right in
the limit. Nothing is asked before something can have ended, the questions are closest where most tasks end, and a gap
between two heaps of times is slept through.

**What is known.** F is 99 % the sketch of the tasks that ended, and 1 % a task of which we know no more than the
mean m of that sketch: ``t / (m + t)``, Lomax's law of an exponential whose rate is not known either. It keeps a door
open for what never happened before; and what outlives the sketch has the hazard ``1 / (m + t)``, so that the waits
grow with the age, as ``sqrt(2p * (m + t))``.

**What a question is worth.** ``p = 20.5² / 2m``: then one who knows the mean alone would begin with waits of 20.5 s,
and a delay of more than 14 s counts nine times from there on, which brings that down to DashScope's advice of 15 s.
The first keeps the questions few, the second the tail of the delay short, and together they hold for times that are
spread normally, evenly or log-normally. In money: a question is three transitions and a run of a function, $0.00008; of
a task of 80 s it is worth 2.6 s, of one of 800 s 0.26 s.

**Bounds.** Whole seconds, one at least. So many, that all tasks that may be in flight ask half of the 20 questions a
second that an account has (fact sheet §6), in whatever rhythm they fall together. Never under an 80th of the age, so
that the history of an execution has an end; and never over two minutes, once all that was ever known has passed.
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
STEPS_OF_A_WAIT = 40
SHORTEST_SECONDS, LONGEST_SECONDS = 1, 120
SHARE_OF_AGE = 1 / 80
QUESTIONS_PER_SECOND = 10
LAST_PERCENT = 95


def next_wait(known: Histogram, age: float, in_flight: int = 1) -> int:
    """Give the whole seconds to wait before the next question about a task that has run for ``age`` seconds.

    ``in_flight`` is the number of tasks that may be asked about at the same time.
    """
    age = max(age, 0.0)
    return _outlook(known).best_wait(age, least_wait(age, in_flight))


def least_wait(age: float, in_flight: int) -> int:
    """Give the whole seconds under which no question follows another, whatever is known."""
    by_age = min(round(SHARE_OF_AGE * age), LONGEST_SECONDS)
    return max(SHORTEST_SECONDS, ceil(in_flight / QUESTIONS_PER_SECOND), by_age)


def progress_percent(known: Histogram, age: float) -> int:
    """Estimate how far a task is that has run for ``age`` seconds: the mean over all the times that it may take.

    It grows with the age, and ends at 95.
    """
    shares = (weight * min(max(age, 0.0) / whole, 1.0) for weight, whole in zip(known.weights, MIDDLES, strict=True))
    return int(LAST_PERCENT * sum(shares) / sum(known.weights))


@dataclass(frozen=True, slots=True)
class _Outlook:
    """A sketch, made ready: at each edge of a bin F of the sketch alone, and V in the limit."""

    mean: float
    price: float
    known_until: float
    ended: tuple[float, ...]
    to_pay: tuple[float, ...] = ()

    def best_wait(self, age: float, least: int) -> int:
        """Try waits from ``least`` on, until the delay alone costs more than the best so far."""
        before, delay = self.share_ended(age), 0.0
        best, best_cost, wait = least, inf, 0
        longest = max(least, LONGEST_SECONDS, ceil(self.known_until - age))
        while wait < longest and delay <= best_cost:
            step = max(1, wait // STEPS_OF_A_WAIT)
            delay += step * self._delay_a_second(age + wait + step / 2, age, before)
            wait += step
            cost = delay + self._still_to_pay(age + wait)
            if wait >= least and cost < best_cost:
                best, best_cost = wait, cost
        return best

    def share_ended(self, age: float) -> float:
        """Give F."""
        return (1 - UNKNOWN) * _between(self.ended, age) + UNKNOWN * age / (self.mean + age)

    def _delay_a_second(self, age: float, since: float, before: float) -> float:
        """Give what a second's wait at this age costs, for those who ended since the last question."""
        late = max(self.share_ended(max(age - LATE_SECONDS, since)) - before, 0.0)
        return self.share_ended(age) - before + LATE_WEIGHT * late

    def _still_to_pay(self, age: float) -> float:
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
    """Give V where nothing but Lomax's law is left: the integral of ``sqrt(2p * f * S)``, in closed form."""
    return UNKNOWN * mean * sqrt(8 * price / (mean + age))


def _between(at_edges: tuple[float, ...], age: float) -> float:
    if age <= EDGES[0]:
        return at_edges[0]
    if age >= EDGES[-1]:
        return at_edges[-1]
    number = bin_of(age)
    share = (age - EDGES[number]) / (EDGES[number + 1] - EDGES[number])
    return at_edges[number] + share * (at_edges[number + 1] - at_edges[number])

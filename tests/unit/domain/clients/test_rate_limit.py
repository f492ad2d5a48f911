"""A key never exceeds its rate limit, however many requests arrive concurrently."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

import pytest
from gallop.domain.clients.rate_limit import RateLimit, moment
from hypothesis import given
from hypothesis import strategies as st


@dataclass(slots=True)
class Table:
    """The table's one number, and its two conditional writes."""

    pace: RateLimit
    tat: Decimal | None = None
    let_through: list[Decimal] = field(default_factory=list)

    def write_first(self, now: Decimal) -> bool:
        """Write if the bucket is full."""
        if self.tat is not None and self.tat > now:
            return False
        self.tat = self.pace.after_a_pause(now)
        self.let_through.append(now)
        return True

    def write_second(self, now: Decimal) -> bool:
        """Write if the bucket has a token."""
        assert self.tat is not None
        if self.tat > self.pace.latest(now):
            return False
        self.tat += self.pace.step
        self.let_through.append(now)
        return True


def most_at_once(times: list[Decimal], pace: RateLimit) -> list[tuple[int, Fraction]]:
    """Return, for each interval, how many requests passed, and the maximum."""
    times = sorted(times)
    return [
        (last - first + 1, pace.burst + Fraction(times[last] - times[first]) * pace.per_second)
        for first in range(len(times))
        for last in range(first, len(times))
    ]


@given(st.data(), st.integers(1, 7))
def test_no_order_of_writes_exceeds_the_limit(data: st.DataObject, rate: int) -> None:
    """With differing clocks and late writes in any order, never more than burst + rate * time pass."""
    pace = RateLimit(rate)
    table = Table(pace)
    clocks = data.draw(st.lists(st.floats(0, 4).map(moment), min_size=1, max_size=60))
    pending = [(now, table.write_first) for now in clocks]
    while pending:
        now, write = pending.pop(data.draw(st.integers(0, len(pending) - 1)))
        if not write(now) and write == table.write_first:
            pending.append((now, table.write_second))
    assert all(count <= allowed for count, allowed in most_at_once(table.let_through, pace))


@given(st.integers(1, 250))
def test_a_client_within_its_rate_never_waits(rate: int) -> None:
    """A burst, then evenly spaced requests, always pass."""
    pace = RateLimit(rate)
    table, start = Table(pace), moment(1_795_352_756.123)
    burst = [start] * pace.burst
    steady = [start + number * pace.step for number in range(1, 30)]
    assert all(table.write_first(now) or table.write_second(now) for now in burst + steady)
    assert not table.write_first(steady[-1])
    assert not table.write_second(steady[-1])


@pytest.mark.parametrize(("rate", "tat", "seconds"), [(10, "102", 1), (1, "102", 1), (1, "105.5", 5), (10, "99", 1)])
def test_the_wait_is_in_whole_seconds(rate: int, tat: str, seconds: int) -> None:
    """It is rounded up, at least 1, and after it there is a token."""
    pace, now = RateLimit(rate), Decimal(100)
    assert seconds == pace.wait_seconds(Decimal(tat), now)
    assert Decimal(tat) <= pace.latest(now + seconds)

"""How fast a key may be used: a token bucket that is one number, so that one conditional write decides.

The number is the *theoretical arrival time* ``tat`` of the generic cell rate algorithm (ITU-T I.371): the moment at
which the bucket is full again. With ``step = 1 / rate``, a bucket of ``burst`` tokens lacks ``(tat - now) / step`` of
them. A request at ``now`` finds a token while ``tat <= now + (burst - 1) * step``, and takes it by
``tat = max(tat, now) + step``.

The table knows no ``max`` in a write, so the two cases are two writes, of which the second is tried when the first was
refused, and each holds only if it is right at the moment at which it is made:

1. ``tat = now + step``, if ``tat <= now`` (the bucket is full);
2. ``tat = tat + step``, if ``tat <= now + (burst - 1) * step``.

``tat`` only ever grows, so after the first was refused ``tat > now`` stays true, and the second adds nothing for free.

However many requests run at the same time, their writes have an order. Each that is let through raises ``tat`` by at
least ``step`` and leaves it at or below ``now + burst * step``. Of n of them between the times a and b, the first
leaves ``tat >= a + step``, the others add ``(n - 1) * step``, the last leaves ``tat <= b + burst * step``: so
``n <= burst + (b - a) * rate``. A request that is refused takes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from math import ceil

BURST_SECONDS = 2
_MICROSECOND = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many requests a second in the long run, and those of two seconds at once. Times are Decimal seconds."""

    per_second: int

    @property
    def step(self) -> Decimal:
        """The seconds until a token comes back."""
        return (1 / Decimal(self.per_second)).quantize(_MICROSECOND, ROUND_UP)

    @property
    def burst(self) -> int:
        """The tokens of a full bucket."""
        return self.per_second * BURST_SECONDS

    def after_a_pause(self, now: Decimal) -> Decimal:
        """Give the ``tat`` after a request that found the bucket full."""
        return now + self.step

    def latest(self, now: Decimal) -> Decimal:
        """Give the highest ``tat`` at which there is still a token."""
        return now + (self.burst - 1) * self.step

    def wait_seconds(self, tat: Decimal, now: Decimal) -> int:
        """Give the whole seconds after which a refused request finds a token, if no other takes it: one at least."""
        return max(1, ceil(tat - self.latest(now)))


def moment(seconds: float) -> Decimal:
    """Write down a time as the bucket has it: to the microsecond."""
    return Decimal(f"{seconds:.6f}")

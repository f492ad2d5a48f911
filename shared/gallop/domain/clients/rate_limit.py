"""The rate limit of a key: a token bucket stored as one number, so that one conditional write decides.

The number is the *theoretical arrival time* ``tat`` of the generic cell rate algorithm (ITU-T I.371): the time at which
the bucket is full again. With ``step = 1 / rate``, a bucket of ``burst`` tokens lacks ``(tat - now) / step`` of them. A
request at ``now`` finds a token if ``tat <= now + (burst - 1) * step``, and takes it by ``tat = max(tat, now) + step``.

DynamoDB has no ``max`` in an update, so the two cases are two writes. The second is tried when the first was refused,
and each succeeds only if its condition is true at the time of the write:

1. ``tat = now + step``, if ``tat <= now`` (the bucket is full);
2. ``tat = tat + step``, if ``tat <= now + (burst - 1) * step``.

``tat`` never decreases. After the first write was refused, ``tat > now`` therefore remains true, and the second write
grants no additional token.

The writes of concurrent requests are serialized. Each accepted request raises ``tat`` by at least ``step``, to at most
``now + burst * step``. Of n accepted requests between the times a and b, the first leaves ``tat >= a + step``, the
others add ``(n - 1) * step``, and the last leaves ``tat <= b + burst * step``: so ``n <= burst + (b - a) * rate``. A
refused request takes no token.
"""

from __future__ import annotations

from decimal import ROUND_UP, Decimal
from math import ceil

from gallop.domain.frozen import frozen

BURST_SECONDS = 2
_MICROSECOND = Decimal("0.000001")


@frozen
class RateLimit:
    """Sustained requests per second, with bursts up to twice that. Times are seconds, as Decimal."""

    per_second: int

    @property
    def step(self) -> Decimal:
        """The seconds until a token is replaced."""
        return (1 / Decimal(self.per_second)).quantize(_MICROSECOND, ROUND_UP)

    @property
    def burst(self) -> int:
        """The number of tokens in a full bucket."""
        return self.per_second * BURST_SECONDS

    def after_a_pause(self, now: Decimal) -> Decimal:
        """Return the ``tat`` after a request that found the bucket full."""
        return now + self.step

    def latest(self, now: Decimal) -> Decimal:
        """Return the highest ``tat`` at which there is still a token."""
        return now + (self.burst - 1) * self.step

    def wait_seconds(self, tat: Decimal, now: Decimal) -> int:
        """Return the whole seconds, at least 1, after which a token is available to a refused request."""
        return max(1, ceil(tat - self.latest(now)))


def moment(seconds: float) -> Decimal:
    """Convert seconds to the precision of the bucket: microseconds."""
    return Decimal(f"{seconds:.6f}")

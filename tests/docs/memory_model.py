"""How long a run takes on Lambda, and what it costs, by the function's memory: a model, not a measurement.

Lambda gives a function a share of a processor that grows with its memory, and a whole one at 1,769 MB. So a run takes
the processor's time that was measured here, divided by that share, and the time that it waits for others: a fixed time
for each call. The start of a process counts fully, although Lambda often gives it a whole processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.load import prices
from tests.template import stack

if TYPE_CHECKING:
    from tests.bench.cold_start import ColdStart

WHOLE_PROCESSOR_MB = 1769
SIZES = (256, 512, 1024, 1769, 3008)
# Assumed: most calls are DynamoDB's.
CALL_MS = 10
# Memory that a function needs beyond its measured peak.
HEADROOM = 1.5


@dataclass(frozen=True, slots=True)
class Run:
    """A run at a size: milliseconds cold and warm, and USD per million warm runs."""

    memory_mb: int
    cold_ms: float
    warm_ms: float
    usd_per_million: float
    fits: bool


def run(start: ColdStart, memory_mb: int) -> Run:
    """Compute a function's run with an amount of memory."""
    # More than one processor helps nobody who computes in one thread.
    share = min(1.0, memory_mb / WHOLE_PROCESSOR_MB)
    waits = start.calls * CALL_MS
    cold, warm = (cpu_ms / share + waits for cpu_ms in (start.gallop.cpu_ms, start.warm_ms))
    usd = warm / 1000 * memory_mb / 1024 * prices.GB_SECOND + prices.RUN
    return Run(memory_mb, cold, warm, usd * 1_000_000, start.gallop.peak_mb * HEADROOM <= memory_mb)


def chosen_mb(function: str) -> int:
    """Return the memory that the template gives a function."""
    return int(stack.functions()[f"{function}Function"]["MemorySize"])

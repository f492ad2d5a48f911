"""Measures what waits, what is held and what is spent at the moment; it only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop import clock, metrics
from gallop.adapters import drop_queue
from gallop.adapters.table import budgets, jobs, slots
from gallop.domain import budget
from gallop.domain.budget import STACK, Period
from gallop.domain.lanes import has_queue
from gallop.domain.metrics import Metric
from gallop.services.isolation import left_to_next_sweep

if TYPE_CHECKING:
    from collections.abc import Callable

# Fewer are a moment without an answer, or some 429s.
FAILURES = 3
_OF_CAPS = {Period.DAY: Metric.DAY_CAP_USED_PERCENT, Period.MONTH: Metric.MONTH_CAP_USED_PERCENT}


def measure() -> None:
    """Measure all gauges; one that cannot be read is missing, and does not hold up the others."""
    for gauge in (_lanes, _parked, _dead_letters, _caps):
        _try(gauge)


def _try(gauge: Callable[[], None]) -> None:
    with left_to_next_sweep("gauge not read"):
        gauge()


def _lanes() -> None:
    pools = slots.pools()
    queues = [slots.queue_size(pool.lane) for pool in pools if has_queue(pool.lane)]
    oldest = min((came_at for _, came_at in queues if came_at is not None), default=None)
    metrics.measure(Metric.SLOTS_HELD, sum(len(pool.holders) for pool in pools))
    if any(pool.lanes is not None for pool in pools):
        closed = (pool.failures >= FAILURES and pool.closed_until > clock.now() for pool in pools)
        metrics.measure(Metric.LANES_CLOSED, sum(closed))
    metrics.measure(Metric.JOBS_WAITING, sum(size for size, _ in queues))
    metrics.measure(Metric.OLDEST_WAITING_SECONDS, 0 if oldest is None else max(clock.now() - oldest, 0))


def _parked() -> None:
    metrics.measure(Metric.JOBS_PARKED, len(jobs.open_jobs(clock.now(), jobs.PARKED, limit=None)))


def _dead_letters() -> None:
    metrics.measure(Metric.DEAD_LETTERS, drop_queue.dead_letter_count())


def _caps() -> None:
    caps = [cap for cap in budgets.caps_of("") if cap.owner == STACK]
    for cap, used in budgets.used(caps, budget.day_of(clock.now())).items():
        metrics.measure(_OF_CAPS[cap.period], float(100 * used / cap.usd))

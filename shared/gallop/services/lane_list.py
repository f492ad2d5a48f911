"""The lanes of each model, without their keys: written beside the slots, because few functions may read the secret."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from gallop import clock, settings
from gallop.adapters.table import slots
from gallop.domain import lanes
from gallop.domain.placement import ANYWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gallop.domain.lanes import Lane
    from gallop.domain.placement import Placement

# An environment reads the list of a model once in this time, however many jobs are created.
CACHE_SECONDS = 60


def open_to(model: str, placement: Placement = ANYWHERE) -> tuple[Lane, ...]:
    """Return the lanes in which a job may run, also those that are full, closed or paused now."""
    secret = settings.dashscope_secret_arn()
    usual = lanes.name_of(settings.dashscope_base_url(), secret, "", model)
    return _allowed(_cached(usual, int(clock.now() // CACHE_SECONDS)), placement)


def clear_cache() -> None:
    """Forget the lists that were read."""
    _cached.cache_clear()


@lru_cache(maxsize=32)
def _cached(usual: str, _moment: int) -> tuple[Lane, ...]:
    return slots.pool(usual).lanes or ()


def _allowed(found: Iterable[Lane], placement: Placement) -> tuple[Lane, ...]:
    return tuple(lane for lane in found if placement.allows(lane.account, lane.tags))

"""The lanes of each model, without their keys: written beside the slots, because few functions may read the secret.

A stack with one key has no such list, and its lane serves its queue alone.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from gallop import clock, settings
from gallop.adapters import secrets
from gallop.adapters.table import lane_state, slots
from gallop.domain import lanes
from gallop.domain.accounts import Account
from gallop.domain.lanes import DEFAULT_ACCOUNT, Lane
from gallop.domain.models import MODELS
from gallop.domain.placement import ANYWHERE
from gallop.domain.regions import region_of
from gallop.services import vendor_accounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gallop.adapters.table.slots import SlotPool
    from gallop.domain.placement import Placement

# An environment reads the list of a model once in this time, however many jobs are created.
CACHE_SECONDS = 60


def open_to(model: str, placement: Placement = ANYWHERE) -> tuple[Lane, ...]:
    """Return the lanes in which a job may run, also those that are full, closed or paused now.

    They are at most ``CACHE_SECONDS`` old, unless there are none.
    """
    secret = settings.dashscope_secret_arn()
    usual = lanes.name_of(settings.dashscope_base_url(), secret, "", model)
    found = _allowed(_cached(usual, int(clock.now() // CACHE_SECONDS)), placement)
    return found or _allowed(of(slots.pool(usual)), placement)


def of(pool: SlotPool) -> tuple[Lane, ...]:
    """Return the lanes that serve the queues beside a pool; for one bare key its own lane, with the stack's limit."""
    if pool.lanes is not None:
        return pool.lanes
    base_url = settings.dashscope_base_url()
    is_lane = lanes.has_queue(pool.lane) and not lanes.is_restricted(pool.lane)
    if not is_lane or lanes.region_in(pool.lane) != region_of(base_url):
        return ()
    return (Lane(pool.lane, DEFAULT_ACCOUNT, base_url, settings.max_in_flight()),)


def clear_cache() -> None:
    """Forget the lists that were read."""
    _cached.cache_clear()


@lru_cache(maxsize=32)
def _cached(usual: str, _moment: int) -> tuple[Lane, ...]:
    return of(slots.pool(usual))


def _allowed(found: Iterable[Lane], placement: Placement) -> tuple[Lane, ...]:
    return tuple(lane for lane in found if placement.allows(lane.account, lane.tags))


def publish(secret: str, found: Iterable[SlotPool] | None = None) -> None:
    """Let the accounts in the stack's secret take jobs, and those that are paused or not in it take no more.

    ``found`` are the slots of all lanes, if they have just been read.

    Raises:
        AwsTrouble: the secret cannot be read, or has a fault: nothing changes.

    """
    # What was read before may be older than what is published: it would undo a pause, or bring back a removed account.
    secrets.clear_cache()
    accounts = vendor_accounts.listed(secret)
    pools = {one.lane: one for one in (slots.pools() if found is None else found)}
    for model in MODELS:
        usual = lanes.name_of(settings.dashscope_base_url(), secret, "", model)
        of_model = [name for name in pools if lanes.share_queue(name, usual)]
        is_needed = any(map(lanes.is_restricted, of_model))
        wanted = _wanted(accounts, secret, model) if is_needed or _are_several(accounts) else None
        queues = {name for name in of_model if lanes.has_queue(name) and not lanes.is_restricted(name)}
        if wanted is not None:
            for name in sorted({usual, *(lane.name for lane in wanted)} - pools.keys()):
                lane_state.create_pool(name)
            queues.add(usual)
        for name in sorted(queues):
            if wanted != (pools[name].lanes if name in pools else None):
                lane_state.share_queue(name, wanted)


def _are_several(accounts: Mapping[str, Account]) -> bool:
    """Return whether the secret is more than one bare key, whose lane serves its queue alone."""
    alone = accounts.get(DEFAULT_ACCOUNT)
    return alone is None or accounts != {DEFAULT_ACCOUNT: Account(key=alone.key)}


def _wanted(accounts: Mapping[str, Account], secret: str, model: str) -> tuple[Lane, ...]:
    return tuple(
        Lane(
            name=lanes.name_of(host := vendor_accounts.base_url(account), secret, account.name, model),
            account=account.name,
            base_url=host,
            slots=account.in_flight or settings.max_in_flight(),
            weight=account.weight,
            tags=account.tags,
            price_scope=account.price_scope,
            day_cap=account.day_cap,
            month_cap=account.month_cap,
            paused=account.paused,
        )
        for account in accounts.values()
        if account.makes(model)
    )

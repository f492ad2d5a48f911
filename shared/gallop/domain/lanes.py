"""Lanes: an account and a model each. The lanes of a model share its queue, and each has slots of its own."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from gallop.domain import budget, prices
from gallop.domain.budget import Period
from gallop.domain.frozen import frozen
from gallop.domain.placement import Placement, placement_from
from gallop.domain.regions import region_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from gallop.domain.budget import Cap
    from gallop.domain.prices import Scope
    from gallop.domain.scheduling.queue import Ticket

DEFAULT_ACCOUNT = "default"
# Between the secret and the account in the name of a lane; neither contains it.
_SEPARATOR = "#"
# After the name of a lane, in that of a queue for only some accounts.
_ONLY = "?"


@frozen
class Lane:
    """A lane: its account, the host and the tags of that, and how many tasks it may have in flight.

    A ``paused`` one takes no jobs now, but jobs may wait for it. Without ``price_scope``, the host decides its prices.
    """

    name: str
    account: str
    base_url: str
    slots: int
    weight: int = 1
    tags: Mapping[str, Any] = field(default_factory=dict)
    paused: bool = False
    price_scope: str = ""
    day_cap: Decimal | None = None
    month_cap: Decimal | None = None

    @property
    def caps(self) -> tuple[Cap, ...]:
        """The caps of its account, for the lanes of all models together."""
        return budget.caps_of_account(self.account, {Period.DAY: self.day_cap, Period.MONTH: self.month_cap})

    @property
    def scope(self) -> Scope:
        """The part of DashScope whose prices it has."""
        return prices.scope_of(self.base_url, self.price_scope)


def name_of(base_url: str, key_name: str, account: str, model: str) -> str:
    """Name the lane of an account and a model; that of the default account has no account in its name."""
    suffix = "" if account in ("", DEFAULT_ACCOUNT) else f"{_SEPARATOR}{account}"
    return f"{region_of(base_url)}|{key_name}{suffix}|{model}"


def region_in(name: str) -> str:
    """Return the region in the name of a lane."""
    return name.partition("|")[0]


def account_in(name: str) -> str:
    """Return the account in the name of a lane."""
    return name.rpartition("|")[0].partition(_SEPARATOR)[2] or DEFAULT_ACCOUNT


def has_queue(name: str) -> bool:
    """Return whether a queue has this name: the jobs of all accounts wait in those of the default one."""
    return account_in(name) == DEFAULT_ACCOUNT


def queue_of(usual: str, placement: Placement) -> str:
    """Name the queue of jobs that may run where ``placement`` says; ``usual`` is the default account's lane."""
    return f"{usual}{_ONLY}{placement.text}" if placement else usual


def placement_in(name: str) -> Placement:
    """Return where the jobs of a queue may run."""
    return placement_from(name.partition(_ONLY)[2])


def is_restricted(name: str) -> bool:
    """Return whether this is the name of a queue for only some accounts, and not that of a lane."""
    return _ONLY in name


def share_queue(one: str, other: str) -> bool:
    """Return whether two lanes are of the same model and secret, and serve the same queues."""
    return _shared_part(one) == _shared_part(other)


def emptiest_first(free: Iterable[Lane], held: Mapping[str, int]) -> list[Lane]:
    """Sort lanes: the next job goes to that with the smallest share of its slots in use, by its weight."""
    return sorted(free, key=lambda lane: ((held[lane.name] + 1) / (lane.slots * lane.weight), lane.name))


def first_for(placement: Placement, free: Iterable[Lane]) -> Lane | None:
    """Return the first of these lanes in which a job may run."""
    return next((lane for lane in free if placement.allows(lane.account, lane.tags)), None)


def first(tickets: Iterable[tuple[str, Ticket]], last_served: str) -> tuple[str, Ticket]:
    """Return the queue and the ticket that is next after the client served last, cyclically."""
    return min(tickets, key=lambda found: (found[1].client <= last_served, found[1].name))


def _shared_part(name: str) -> tuple[str, str]:
    _, _, rest = name.partition(_ONLY)[0].partition("|")
    key, _, model = rest.rpartition("|")
    return key.partition(_SEPARATOR)[0], model

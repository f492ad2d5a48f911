"""How many requests wait at the same time: a fixed number of places, each with the request that has it, for a while.

A request that dies leaves its place when the time is over that it wanted to wait.
"""

from __future__ import annotations

import random
import uuid

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import dynamo

# Exact for up to this many places; of many, a few tries find a free one unless nearly all are taken.
MAX_TRIES = 3


@aws.guarded
def enter(now: float, until: float) -> tuple[int, str] | None:
    """Take a free place until an epoch time; return its number and its holder, or None if all those tried are taken."""
    places, holder = settings.max_held_requests(), uuid.uuid4().hex
    first = random.randrange(places or 1)  # noqa: S311 - spreads load, not a secret
    for number in range(first, first + min(places, MAX_TRIES)):
        taken = dynamo.update(
            _key(number % places),
            "SET holder = :holder, #until = :until, expires_at = :expires",
            "attribute_not_exists(pk) OR #until < :now",
            {":holder": holder, ":until": dynamo.time(until), ":now": dynamo.time(now), ":expires": int(until) + 1},
            {"#until": "until"},
        )
        if dynamo.write(taken):
            return number % places, holder
    return None


@aws.guarded
def leave(place: tuple[int, str]) -> None:
    """Free a place, if the request still has it."""
    number, holder = place
    change = dynamo.update(
        _key(number), "SET #until = :over", "holder = :holder", {":over": 0, ":holder": holder}, {"#until": "until"}
    )
    dynamo.write(change)


def _key(number: int) -> dict[str, str]:
    return {"pk": "HELD", "sk": f"{number}"}

"""Ended jobs whose notice has not been sent, and when the next mail may be sent."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from gallop.adapters import aws
from gallop.adapters.table import dynamo
from gallop.domain.frozen import frozen
from gallop.domain.notices import MIN_GAP_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

_PARTITION = "NOTICES"
# Longer than an ending waits for a topic that does not work: the sweep removes it, and this is for a deleted stack.
KEPT_SECONDS = 7 * 86_400
# Longer than a function that sends may run: another run takes over from one that died.
LEASE_SECONDS = 120


@frozen
class Waiting:
    """An ended job whose notice waits since ``since``, an epoch time; ``page`` is its address for browsers."""

    job_id: str
    page: str
    since: float


@frozen
class Turn:
    """The right to send the next mail. ``gap`` is that after the last mail, which was sent at ``sent_at``."""

    until: float
    gap: float
    sent_at: float


@aws.guarded
def add(waiting: Waiting) -> None:
    """Record that a notice waits; a second call changes nothing."""
    item = {
        **_key(waiting),
        "job_id": waiting.job_id,
        "page": waiting.page,
        "since": dynamo.time(waiting.since),
        "expires_at": int(waiting.since) + KEPT_SECONDS,
    }
    dynamo.write(dynamo.put_if_new(item))


@aws.guarded
def oldest(limit: int) -> list[Waiting]:
    """Return the notices that wait, oldest first."""
    found = islice(dynamo.query(_PARTITION, "WAITING#"), limit)
    return [Waiting(str(item["job_id"]), str(item["page"]), float(item["since"])) for item in found]


@aws.guarded
def remove(sent: Iterable[Waiting]) -> None:
    """Record that notices were sent."""
    for waiting in sent:
        dynamo.write(dynamo.delete(_key(waiting)))


@aws.guarded
def take_turn(now: float) -> Turn | None:
    """Take the right to send the next mail; None if it is too early, or another run has it."""
    until = dynamo.time(now + LEASE_SECONDS)
    is_free = "attribute_not_exists(next_at) OR next_at <= :now"
    update = dynamo.update(_pace(), "SET next_at = :until", is_free, {":until": until, ":now": dynamo.time(now)})
    item = dynamo.write_and_read(update)
    if item is None:
        return None
    return Turn(float(until), float(item.get("gap", MIN_GAP_SECONDS)), float(item.get("sent_at", 0)))


@aws.guarded
def end_turn(turn: Turn, now: float, next_at: float, gap: float) -> None:
    """Record that a mail was sent, and when the next one may be; nothing if another run has taken over."""
    values = {
        ":now": dynamo.time(now),
        ":next": dynamo.time(next_at),
        ":gap": dynamo.time(gap),
        ":until": dynamo.time(turn.until),
    }
    change = "SET next_at = :next, gap = :gap, sent_at = :now"
    dynamo.write(dynamo.update(_pace(), change, "next_at = :until", values))


def _key(waiting: Waiting) -> dict[str, str]:
    return {"pk": _PARTITION, "sk": f"WAITING#{waiting.since:014.3f}#{waiting.job_id}"}


def _pace() -> dict[str, str]:
    return {"pk": _PARTITION, "sk": "PACE"}

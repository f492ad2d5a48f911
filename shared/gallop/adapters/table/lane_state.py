"""What the table knows of lanes beside their slots: which serve a queue, and which have failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.adapters import aws
from gallop.adapters.table import dynamo
from gallop.adapters.table.slots import LANES, new_pool, pool_key

if TYPE_CHECKING:
    from gallop.adapters.table.slots import SlotPool
    from gallop.domain.lanes import Lane


@aws.guarded
def create_pool(lane: str) -> None:
    """Give a lane its slots, if it has none."""
    dynamo.write(dynamo.put_if_new(new_pool(lane)))


@aws.guarded
def remove_queue(queue: SlotPool) -> None:
    """Remove the entry of a queue for only some accounts, unless a job has come since it was read."""
    dynamo.write(dynamo.delete(pool_key(queue.lane), "version = :version", {":version": queue.version}))


@aws.guarded
def share_queue(lane: str, lanes: tuple[Lane, ...] | None) -> None:
    """Let lanes serve the queue of a lane that has slots; None lets it serve it alone."""
    if lanes is None:
        dynamo.write(dynamo.update(pool_key(lane), "REMOVE lanes", "attribute_exists(pk)"))
    else:
        values = {":lanes": LANES.write(lanes)}
        dynamo.write(dynamo.update(pool_key(lane), "SET lanes = :lanes", "attribute_exists(pk)", values))


@aws.guarded
def close(lane: str, until: float) -> None:
    """Count a failure of a lane, and let it take no jobs until an epoch time."""
    change = "SET closed_until = :until, failures = if_not_exists(failures, :zero) + :one, version = version + :one"
    values = {":until": dynamo.time(until), ":zero": 0, ":one": 1}
    dynamo.write(dynamo.update(pool_key(lane), change, "attribute_exists(pk)", values))


@aws.guarded
def reopen(lane: str) -> None:
    """Forget the failures of a lane."""
    change = "REMOVE closed_until, failures SET version = version + :one"
    dynamo.write(dynamo.update(pool_key(lane), change, "attribute_exists(failures)", {":one": 1}))

"""The current job of each drop in the table: one item per drop, changed by conditional writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import codec, dynamo
from gallop.domain.drops.current import CurrentDrop

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

# Longer than a message is retried.
CLAIM_SECONDS = 86_400

_CURRENT = codec.of(CurrentDrop)


@aws.guarded
def get(path: str) -> CurrentDrop:
    """Return the current state of a drop, by the prefix of its receipts."""
    item = dynamo.get(_key(path))
    return CurrentDrop(path) if item is None else _current_from(path, item)


@aws.guarded
def replace(before: CurrentDrop, after: CurrentDrop) -> bool:
    """Replace the state that was read with a new one; return False if somebody else replaced it first."""
    return all(dynamo.transact([replacing(before, after)]))


@aws.guarded
def claim(place: str, digest: str, by: str, now: float) -> bool:
    """Claim the work on a state of a drop for a message; return False if another message has claimed it.

    That one is delivered again until the work is done, so the others may end. ``place`` is where the drop's files are.
    """
    item = {"pk": f"DROP#{place}", "sk": "CLAIM", "digest": digest, "claimed_by": by, "claimed_at": dynamo.time(now)}
    condition = "attribute_not_exists(pk) OR digest <> :digest OR claimed_by = :by OR claimed_at < :over"
    values = {":digest": digest, ":by": by, ":over": dynamo.time(now - CLAIM_SECONDS)}
    return dynamo.write(dynamo.put({**item, "expires_at": int(now) + CLAIM_SECONDS}, condition, values))


@aws.guarded
def unclaim(place: str) -> None:
    """Let the next message about a drop's files work on them, whichever message has claimed them."""
    dynamo.write(dynamo.delete({"pk": f"DROP#{place}", "sk": "CLAIM"}))


@aws.guarded
def forget(current: CurrentDrop, place: str) -> None:
    """Remove a drop whose current job is deleted; if it had earlier jobs, remember that these are not current.

    ``place`` is where the drop's files were.
    """
    if place:
        unclaim(place)
    if current.earlier:
        replace(current, current.without_job())
    else:
        dynamo.write(dynamo.delete(_key(current.path), "version = :version", {":version": current.version}))


def replacing(before: CurrentDrop, after: CurrentDrop) -> TransactWriteItemTypeDef:
    """Build that write, for use in a transaction with others."""
    condition = "version = :version" if before.version else "attribute_not_exists(pk)"
    put: dict[str, Any] = {
        "TableName": settings.job_table(),
        "Item": dynamo.pack(_item(after)),
        "ConditionExpression": condition,
    }
    if before.version:
        put["ExpressionAttributeValues"] = dynamo.pack({":version": before.version})
    return {"Put": put}  # type: ignore[typeddict-item]


def _item(current: CurrentDrop) -> dict[str, Any]:
    return {**_key(current.path), **_CURRENT.write(current)}


def _current_from(path: str, item: dict[str, Any]) -> CurrentDrop:
    current: CurrentDrop = _CURRENT.read({**item, "path": path})
    return current


def _key(path: str) -> dict[str, str]:
    return {"pk": f"DROP#{path}", "sk": "DROP"}

"""The API keys of the HTTPS door's clients; the table stores only their hashes.

A key is stored under its hash (``KEY#hash``), where the authorizer finds it, and a note of it under its client and ID
(``KEYS``), for listing. Expired and revoked keys are deleted some months later, at ``expires_at``, the table's time to
live; that is not the same as ``valid_until``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.table import codec, dynamo
from gallop.adapters.table.codec import Codec
from gallop.domain.clients.keys import DEAD_KEYS_KEPT_SECONDS, Key
from gallop.domain.clients.rate_limit import moment
from gallop.domain.errors import AwsTrouble
from gallop.domain.frozen import frozen
from gallop.domain.placement import placement_from

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from gallop.domain.clients.rate_limit import RateLimit

NOTES = "KEYS"
_KEY = codec.of(Key, {"Placement": Codec(lambda placement: placement.text, placement_from)})
# What every use requires of the key, besides a token of its rate limit.
_IS_VALID = (
    "attribute_exists(pk) AND attribute_not_exists(revoked_at)"
    " AND (attribute_not_exists(valid_until) OR valid_until > :now)"
)


@frozen
class Use:
    """The key of a request, and the seconds to wait if its rate limit is exceeded."""

    key: Key
    wait_seconds: int = 0


@aws.guarded
def create(key: Key) -> None:
    """Record a client's new key."""
    known = {name: value for name, value in _KEY.write(key).items() if value not in (None, "")}
    record = {**_key(key.hash), **known}
    note: dict[str, Any] = {**_note_key(key), "hash": key.hash}
    if key.valid_until is not None:
        record["expires_at"] = note["expires_at"] = int(key.valid_until) + DEAD_KEYS_KEPT_SECONDS
    if not all(dynamo.transact([dynamo.put_if_new(record), dynamo.put_if_new(note)])):
        raise AwsTrouble(f"Client {key.client} already has a key {key.id}.")


@aws.guarded
def use(key_hash: str, now: float, limit: RateLimit) -> Use | None:
    """Use a key, if it is valid and within its rate limit; None for an unknown one.

    An accepted use is one conditional write, or two in a burst (see ``domain.clients.rate_limit``). It reads the key,
    takes a token and records the time in one step; nothing is read before it.
    """
    at = moment(now)
    full = _Taking("(attribute_not_exists(tat) OR tat <= :now)", ":tat", {":tat": limit.after_a_pause(at)})
    rest = _Taking("tat <= :latest", "tat + :step", {":latest": limit.latest(at), ":step": limit.step})
    item, is_taken = _take(key_hash, at, full)
    if not is_taken and at < item.get("tat", 0) <= limit.latest(at):
        item, is_taken = _take(key_hash, at, rest)
    if not item:
        return None
    return Use(_key_from(item), 0 if is_taken else limit.wait_seconds(item.get("tat", at), at))


@aws.guarded
def listed(client: str = "") -> list[Key]:
    """Return the keys of one client, or of all, ordered by client and then by age."""
    notes = dynamo.query(NOTES, f"{client}#" if client else "")
    found = [item for note in notes if (item := dynamo.get(_key(str(note["hash"]))))]
    return sorted(map(_key_from, found), key=lambda key: (key.client, key.created_at))


@aws.guarded
def revoke(key: Key, now: float) -> bool:
    """Revoke a key, effective immediately; return False if it was revoked before or no longer exists."""
    values = {":now": dynamo.time(now), ":gone": int(now) + DEAD_KEYS_KEPT_SECONDS}
    update = dynamo.update(
        _key(key.hash),
        "SET revoked_at = :now, expires_at = :gone",
        "attribute_exists(pk) AND attribute_not_exists(revoked_at)",
        values,
    )
    note = {**_note_key(key), "hash": key.hash, "expires_at": values[":gone"]}
    return all(dynamo.transact([update, dynamo.put(note)]))


@aws.guarded
def set_draining(key: Key, *, is_draining: bool) -> None:
    """Let a key create no jobs, or create them again; one that was deleted meanwhile stays deleted."""
    values = {":draining": is_draining}
    dynamo.write(dynamo.update(_key(key.hash), "SET is_draining = :draining", "attribute_exists(pk)", values))


@frozen
class _Taking:
    """A way to take a token: its condition, and the new value of ``tat``."""

    condition: str
    tat: str
    values: Mapping[str, Decimal]


def _take(key_hash: str, at: Decimal, taking: _Taking) -> tuple[dict[str, Any], bool]:
    """Take a token in one write; return the key's record, empty for an unknown one, and whether it was taken."""
    client = aws.dynamodb()
    try:
        response = client.update_item(
            TableName=settings.job_table(),
            Key=dynamo.pack(_key(key_hash)),
            UpdateExpression=f"SET last_used_at = :now, tat = {taking.tat}",
            ConditionExpression=f"{_IS_VALID} AND {taking.condition}",
            ExpressionAttributeValues=dynamo.pack({":now": at, **taking.values}),
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except client.exceptions.ConditionalCheckFailedException as refused:
        old: Any = refused.response.get("Item", {})
        return dynamo.unpack(old), False
    return dynamo.unpack(response["Attributes"]), True


def _key_from(item: Mapping[str, Any]) -> Key:
    key: Key = _KEY.read(item)
    return key


def _key(key_hash: str) -> dict[str, str]:
    return {"pk": f"KEY#{key_hash}", "sk": "KEY"}


def _note_key(key: Key) -> dict[str, str]:
    return {"pk": NOTES, "sk": f"{key.client}#{key.id}"}

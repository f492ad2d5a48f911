"""The DynamoDB table: items as plain maps, strongly consistent reads, and conditional writes.

What the items contain is up to the modules that use this one: ``jobs``, ``slots``, ``client_keys`` and others.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gallop import clock, settings
from gallop.adapters import aws
from gallop.adapters.table import attributes
from gallop.domain.errors import AwsTrouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        DeleteTypeDef,
        KeysAndAttributesTypeDef,
        PutTypeDef,
        TransactWriteItemTypeDef,
        UpdateTypeDef,
    )

MAX_CONFLICTS = 8
# What BatchGetItem takes.
MAX_KEYS = 100
_CONFLICTS = "Too many conflicting writes to the same records."


def get(key: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read an item, strongly consistent; None if there is none."""
    response = aws.dynamodb().get_item(TableName=settings.job_table(), Key=pack(key), ConsistentRead=True)
    item = response.get("Item")
    return unpack(item) if item else None


def get_all(keys: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Read items, strongly consistent, in any order; missing ones are left out.

    Raises:
        AwsTrouble: DynamoDB repeatedly left some unprocessed.

    """
    parts = (keys[start : start + MAX_KEYS] for start in range(0, len(keys), MAX_KEYS))
    return [item for part in parts for item in _get_part(part)]


def _get_part(keys: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    waiting: Sequence[Mapping[str, Any]] = [pack(key) for key in keys]
    for attempt in range(MAX_CONFLICTS):
        if not waiting:
            return found
        clock.sleep(0.05 * (2**attempt - 1))
        request: KeysAndAttributesTypeDef = {"Keys": waiting, "ConsistentRead": True}
        response = aws.dynamodb().batch_get_item(RequestItems={settings.job_table(): request})
        found += [unpack(item) for item in response["Responses"].get(settings.job_table(), [])]
        waiting = response["UnprocessedKeys"].get(settings.job_table(), {"Keys": []})["Keys"]
    raise AwsTrouble("Records cannot be read: DynamoDB repeatedly left some unprocessed.")


def query(partition: str, begins_with: str = "") -> Iterator[dict[str, Any]]:
    """Read the items of a partition whose sort key begins with a prefix, in order, strongly consistent."""
    condition, values = "pk = :pk", {":pk": partition}
    if begins_with:
        condition, values = f"{condition} AND begins_with(sk, :sk)", {**values, ":sk": begins_with}
    pages = (
        aws.dynamodb()
        .get_paginator("query")
        .paginate(
            TableName=settings.job_table(),
            KeyConditionExpression=condition,
            ExpressionAttributeValues=pack(values),
            ConsistentRead=True,
        )
    )
    return (unpack(item) for page in pages for item in page["Items"])


def put_if_new(item: Mapping[str, Any]) -> TransactWriteItemTypeDef:
    """Build the write of an item whose key does not exist yet."""
    return put(item, "attribute_not_exists(pk)")


def put(
    item: Mapping[str, Any], condition: str = "", values: Mapping[str, Any] | None = None
) -> TransactWriteItemTypeDef:
    """Build the write of an item, with an optional condition; it replaces an existing item."""
    put: PutTypeDef = {"TableName": settings.job_table(), "Item": pack(item)}
    if condition:
        put["ConditionExpression"] = condition
    if values:
        put["ExpressionAttributeValues"] = pack(values)
    return {"Put": put}


def update(
    key: Mapping[str, Any],
    change: str,
    condition: str = "",
    values: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
) -> TransactWriteItemTypeDef:
    """Build an update of an item; ``names`` are placeholders for attributes whose names DynamoDB reserves."""
    update: UpdateTypeDef = {"TableName": settings.job_table(), "Key": pack(key), "UpdateExpression": change}
    if condition:
        update["ConditionExpression"] = condition
    if values:
        update["ExpressionAttributeValues"] = pack(values)
    if names:
        update["ExpressionAttributeNames"] = names
    return {"Update": update}


def delete(
    key: Mapping[str, Any],
    condition: str = "",
    values: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
) -> TransactWriteItemTypeDef:
    """Build the deletion of an item; ``names`` as for ``update``."""
    delete: DeleteTypeDef = {"TableName": settings.job_table(), "Key": pack(key)}
    if condition:
        delete["ConditionExpression"] = condition
    if values:
        delete["ExpressionAttributeValues"] = pack(values)
    if names:
        delete["ExpressionAttributeNames"] = names
    return {"Delete": delete}


def write(one: TransactWriteItemTypeDef) -> bool:
    """Make one write, at half the price of a transaction; return False if its condition failed."""
    return _written(one) is not None


def write_and_read(one: TransactWriteItemTypeDef) -> dict[str, Any] | None:
    """Make one update; return the item as it is then, or None if its condition failed."""
    response = _written({"Update": {**one["Update"], "ReturnValues": "ALL_NEW"}})  # type: ignore[typeddict-unknown-key]
    return response and unpack(response["Attributes"])


def _written(one: TransactWriteItemTypeDef) -> dict[str, Any] | None:
    """Make one write; return DynamoDB's answer, or None if its condition failed.

    boto3 does not retry a write that conflicts with a transaction on the same item
    (``TransactionConflictException``); this does.
    """
    client = aws.dynamodb()
    calls: dict[str, Any] = {"Put": client.put_item, "Update": client.update_item, "Delete": client.delete_item}
    ((kind, arguments),) = one.items()
    for attempt in range(MAX_CONFLICTS):
        try:
            response: dict[str, Any] = calls[kind](**arguments)  # type: ignore[arg-type]
        except client.exceptions.ConditionalCheckFailedException:
            return None
        except client.exceptions.TransactionConflictException:
            _back_off(attempt)
        else:
            return response
    raise AwsTrouble(_CONFLICTS)


def transact(writes: Sequence[TransactWriteItemTypeDef]) -> list[bool]:
    """Write all or nothing; return for each write whether its condition held. All True: everything was written."""
    client = aws.dynamodb()
    for attempt in range(MAX_CONFLICTS):
        try:
            client.transact_write_items(TransactItems=writes)
        except client.exceptions.TransactionCanceledException as error:
            codes = [reason.get("Code") for reason in error.response["CancellationReasons"]]
            if "ConditionalCheckFailed" in codes:
                return [code != "ConditionalCheckFailed" for code in codes]
            _back_off(attempt)
        else:
            return [True for _ in writes]
    raise AwsTrouble(_CONFLICTS)


def _back_off(attempt: int) -> None:
    """Wait for another transaction on the same items to end; the condition decides who writes."""
    clock.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311 - jitter, not a secret


def time(seconds: float) -> Decimal:
    """Return a time as it is stored: in seconds, to the millisecond."""
    return Decimal(f"{seconds:.3f}")


def pack(item: Mapping[str, Any]) -> dict[str, AttributeValueTypeDef]:
    """Convert an item to DynamoDB's wire format."""
    return {name: attributes.pack(value) for name, value in item.items()}


def unpack(item: Mapping[str, AttributeValueTypeDef]) -> dict[str, Any]:
    """Convert an item from DynamoDB's wire format."""
    return {name: attributes.unpack(value) for name, value in item.items()}

"""The one table, in its own words: items as plain maps, reads that are strongly consistent, writes that hold or do not.

What lies in it is the matter of the modules that use this one: jobs (``store``), the lane (``lane``), clients' keys.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from gallop import clock, settings
from gallop.adapters import aws
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
_CONFLICTS = "Writes to the same records kept getting into each other's way."

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def get(key: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read an item, strongly consistent; None where there is none."""
    answer = aws.dynamodb().get_item(TableName=settings.job_table(), Key=pack(key), ConsistentRead=True)
    item = answer.get("Item")
    return unpack(item) if item else None


def get_all(keys: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Read up to 100 items, strongly consistent, in any order; those that are not there are left out.

    Raises:
        AwsTrouble: the table kept leaving some for later.

    """
    found: list[dict[str, Any]] = []
    waiting: Sequence[Mapping[str, Any]] = [pack(key) for key in keys]
    for attempt in range(MAX_CONFLICTS):
        if not waiting:
            return found
        clock.sleep(0.05 * (2**attempt - 1))
        wanted: KeysAndAttributesTypeDef = {"Keys": waiting, "ConsistentRead": True}
        answer = aws.dynamodb().batch_get_item(RequestItems={settings.job_table(): wanted})
        found += [unpack(item) for item in answer["Responses"].get(settings.job_table(), [])]
        waiting = answer["UnprocessedKeys"].get(settings.job_table(), {"Keys": []})["Keys"]
    raise AwsTrouble("Records could not be read, for the table kept leaving some for later.")


def query(partition: str, begins_with: str = "") -> Iterator[dict[str, Any]]:
    """Read the items of a partition whose sort key begins so, in its order, strongly consistent."""
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
    """Describe the write of an item whose key is not taken yet."""
    return put(item, "attribute_not_exists(pk)")


def put(
    item: Mapping[str, Any], condition: str = "", values: Mapping[str, Any] | None = None
) -> TransactWriteItemTypeDef:
    """Describe the write of an item, on a condition if there is one, whatever lies there else."""
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
    """Describe a change of an item; ``names`` stand for attributes whose names are DynamoDB's own words."""
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
    """Describe the removal of an item; ``names`` as for ``update``."""
    delete: DeleteTypeDef = {"TableName": settings.job_table(), "Key": pack(key)}
    if condition:
        delete["ConditionExpression"] = condition
    if values:
        delete["ExpressionAttributeValues"] = pack(values)
    if names:
        delete["ExpressionAttributeNames"] = names
    return {"Delete": delete}


def write(one: TransactWriteItemTypeDef) -> bool:
    """Make one write, at half the price of a transaction; True if it was written, False if its condition failed.

    boto3 does not retry a write that met a transaction on the same item (``TransactionConflictException``); this does.
    """
    client = aws.dynamodb()
    calls: dict[str, Any] = {"Put": client.put_item, "Update": client.update_item, "Delete": client.delete_item}
    ((kind, arguments),) = one.items()
    for attempt in range(MAX_CONFLICTS):
        try:
            calls[kind](**arguments)  # type: ignore[arg-type]
        except client.exceptions.ConditionalCheckFailedException:
            return False
        except client.exceptions.TransactionConflictException:
            _step_aside(attempt)
        else:
            return True
    raise AwsTrouble(_CONFLICTS)


def transact(writes: Sequence[TransactWriteItemTypeDef]) -> list[bool]:
    """Write all or nothing; gives for each write whether its condition held. All True: it was written."""
    client = aws.dynamodb()
    for attempt in range(MAX_CONFLICTS):
        try:
            client.transact_write_items(TransactItems=writes)
        except client.exceptions.TransactionCanceledException as error:
            codes = [reason.get("Code") for reason in error.response["CancellationReasons"]]
            if "ConditionalCheckFailed" in codes:
                return [code != "ConditionalCheckFailed" for code in codes]
            _step_aside(attempt)
        else:
            return [True for _ in writes]
    raise AwsTrouble(_CONFLICTS)


def _step_aside(attempt: int) -> None:
    """Let another transaction on the same items end: whoever comes second learns from the condition."""
    clock.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311 - jitter, not a secret


def time(seconds: float) -> Decimal:
    """Write down a time: to the millisecond."""
    return Decimal(f"{seconds:.3f}")


def pack(item: Mapping[str, Any]) -> dict[str, AttributeValueTypeDef]:
    """Write an item as DynamoDB's protocol has it."""
    return {name: _serialize(value) for name, value in item.items()}


def unpack(item: Mapping[str, AttributeValueTypeDef]) -> dict[str, Any]:
    """Read an item of DynamoDB's protocol."""
    return {name: _deserialize(value) for name, value in item.items()}

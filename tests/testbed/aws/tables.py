"""Tables of moto made fit for several writers at once.

A condition is checked and its write is made under one lock. A transaction that fails puts back the items that it names:
moto falls back to a copy of the table, which it makes of every attribute of every item for each transaction. And a
query is answered from the items of its partition: moto sorts the whole table first. And a value that lies as it travels
is sent as it lies: moto looks for each of the ten kinds that it could be, under two names.
"""

from __future__ import annotations

import copy
from functools import wraps
from threading import RLock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb import models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CALLS = ("put_item", "update_item", "delete_item", "transact_write_items", "query", "scan")
# Where moto's query of a table is told of an index, after the key of the partition.
INDEX_NAME = 6
# Kinds of values that moto keeps as they travel.
PLAIN = frozenset({"S", "N", "BOOL", "NULL", "SS", "NS"})


def changes() -> Iterator[tuple[object, str, Any]]:
    """Give what is changed in moto."""
    lock = RLock()
    for name in CALLS:
        call = getattr(DynamoDBBackend, name)
        yield DynamoDBBackend, name, _one_at_a_time(_undoing(call) if name == "transact_write_items" else call, lock)
    yield Table, "query", _narrowed(Table.query)
    yield models, "copy", SimpleNamespace(copy=copy.copy, deepcopy=_deepcopy)
    structure = "_serialize_type_structure"
    yield BaseJSONSerializer, structure, _sending_plain(getattr(BaseJSONSerializer, structure))


def _one_at_a_time(call: Callable[..., Any], lock: RLock) -> Callable[..., Any]:
    @wraps(call)
    def locked(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - moto's own
        with lock:
            return call(*args, **options)

    return locked


def _narrowed(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def narrowed(table: Table, hash_key: DynamoType, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - moto's own
        twin = copy.copy(table)
        if table.range_key_attr:
            found = sorted(_candidates(table, hash_key, args[INDEX_NAME]), key=_in_order)
            twin.all_items = lambda: found  # type: ignore[method-assign]
        return call(twin, hash_key, *args, **options)

    return narrowed


def _candidates(table: Table, hash_key: DynamoType, index_name: str | None) -> Iterable[Item]:
    """Give the items of a partition; of an index, those that are in it."""
    index = next((one for one in table.all_indexes() if one.name == index_name), None)
    if index is None:
        return table.items[hash_key].values() if hash_key in table.items else ()
    attribute = next(key["AttributeName"] for key in index.schema if key["KeyType"] == "HASH")
    partitions = list(table.items.values())
    return (item for items in partitions for item in list(items.values()) if attribute in item.attrs)


def _in_order(item: Item) -> tuple[Any, Any]:
    """Sort by plain values: moto's own compare slowly, and find these in order already."""
    assert item.range_key is not None
    return item.hash_key.cast_value, item.range_key.cast_value


def _sending_plain(call: Callable[..., None]) -> Callable[..., None]:
    @wraps(call)
    def send(serializer: Any, serialized: dict[str, Any], value: Any, shape: Any, key: str) -> None:  # noqa: ANN401
        if shape.name == "AttributeValue":
            sent = value.to_json() if isinstance(value, DynamoType) else value
            if sent.keys() <= PLAIN:
                serialized[key] = sent
                return
        call(serializer, serialized, value, shape, key)

    return send


def _undoing(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def undone(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - moto's own
        before = [_remembered(backend, write) for (write,) in map(dict.values, transact_items)]
        try:
            return call(backend, transact_items)
        except Exception:
            for items, key, item in before:
                items.pop(key, None)
                if item:
                    items[key] = item
            raise

    return undone


def _remembered(backend: DynamoDBBackend, write: dict[str, Any]) -> tuple[dict[Any, Any], DynamoType, Item | None]:
    """Give where the item of a write lies, and what it was before."""
    table = backend.get_table(write["TableName"])
    named = write.get("Key") or write["Item"]
    items: dict[Any, Any] = table.items
    key = DynamoType(named[table.hash_key_attr])
    if table.range_key_attr:
        items, key = items[key], DynamoType(named[table.range_key_attr])
    item = items.get(key)
    return items, key, item and _twin(item)


def _deepcopy(value: Any) -> Any:  # noqa: ANN401 - anything
    """Copy anything but a table, which is put back item by item."""
    return value if isinstance(value, Table) else copy.deepcopy(value)


def _twin(item: Item) -> Item:
    """Copy an item so far that changing its attributes leaves the copy as it is."""
    twin = copy.copy(item)
    # Past its own __setitem__, which weighs the whole item for each attribute.
    twin.attrs = LimitedSizeDict.__new__(LimitedSizeDict)
    dict.update(twin.attrs, item.attrs)
    return twin

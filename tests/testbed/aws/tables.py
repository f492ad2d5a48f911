"""moto's tables, made safe for several writers, and faster.

A condition is checked and its write is made under one lock. A failed transaction restores the items that it names: moto
restores a copy of the tables, which it makes of every attribute of every item for each transaction. A query reads only
the items of its partition: moto sorts the whole table first. A value in wire format is sent as it is: moto tries ten
types, each under two names. A number loses its zeros, as in DynamoDB: moto returns it as it was written.
"""

from __future__ import annotations

import copy
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache, wraps
from threading import RLock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb import models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table

from . import table_speed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CALLS = ("put_item", "update_item", "delete_item", "transact_write_items", "query", "scan")
# The position of the index's name among the arguments of moto's query, after the partition key.
INDEX_NAME = 6
# Types of values that moto stores in wire format.
PLAIN = frozenset({"S", "N", "BOOL", "NULL", "SS", "NS"})
# Exact for every number that DynamoDB stores, which has at most 38 digits.
EXACT = Context(prec=60)


def changes() -> Iterator[tuple[object, str, Any]]:
    """Yield the changes to moto."""
    lock = RLock()
    for name in CALLS:
        call = getattr(DynamoDBBackend, name)
        yield (
            DynamoDBBackend,
            name,
            _one_at_a_time(_rolling_back(call) if name == "transact_write_items" else call, lock),
        )
    yield Table, "query", _narrowed(Table.query)
    yield DynamoType, "__init__", _normalizing(DynamoType.__init__)
    yield models, "copy", SimpleNamespace(copy=copy.copy, deepcopy=_deepcopy)
    structure = "_serialize_type_structure"
    yield BaseJSONSerializer, structure, _sending_plain(getattr(BaseJSONSerializer, structure))
    yield from table_speed.changes()


def _one_at_a_time(call: Callable[..., Any], lock: RLock) -> Callable[..., Any]:
    @wraps(call)
    def locked(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - moto's own
        with lock:
            return call(*args, **options)

    return locked


def _narrowed(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def narrowed(table: Table, hash_key: DynamoType, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - moto's own
        view = copy.copy(table)
        if table.range_key_attr:
            found = sorted(_candidates(table, hash_key, args[INDEX_NAME]), key=_sort_key)
            view.all_items = lambda: found  # type: ignore[method-assign]
        return call(view, hash_key, *args, **options)

    return narrowed


def _candidates(table: Table, hash_key: DynamoType, index_name: str | None) -> Iterable[Item]:
    """Return the items of a partition; of an index, those that are in it."""
    index = next((one for one in table.all_indexes() if one.name == index_name), None)
    if index is None:
        return table.items[hash_key].values() if hash_key in table.items else ()
    attribute = next(key["AttributeName"] for key in index.schema if key["KeyType"] == "HASH")
    partitions = list(table.items.values())
    return (item for items in partitions for item in list(items.values()) if attribute in item.attrs)


def _sort_key(item: Item) -> tuple[Any, Any]:
    """Return plain values to sort by: moto's own compare slowly, and it then finds these already sorted."""
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


def _normalizing(create: Callable[..., None]) -> Callable[..., None]:
    @wraps(create)
    def create_normalized(value: DynamoType, given: Any) -> None:  # noqa: ANN401 - moto's own
        create(value, given)
        if type(given) is DynamoType:
            return
        if value.type == "N":
            value.value = number(value.value)
        elif value.type == "NS":
            value.value = [number(member) for member in value.value]

    return create_normalized


@lru_cache(4096)
def number(text: str) -> str:
    """Write a number as DynamoDB returns it: no zeros that say nothing, no exponent. Other text stays as it is."""
    try:
        found = EXACT.normalize(Decimal(text))
    except (InvalidOperation, TypeError):
        return text
    return f"{found:f}" if found else "0"


def _rolling_back(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def rolled_back(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - moto's own
        before = [_snapshot(backend, write) for (write,) in map(dict.values, transact_items)]
        try:
            return call(backend, transact_items)
        except Exception:
            for items, key, item in before:
                items.pop(key, None)
                if item:
                    items[key] = item
            raise

    return rolled_back


def _snapshot(backend: DynamoDBBackend, write: dict[str, Any]) -> tuple[dict[Any, Any], DynamoType, Item | None]:
    """Return the container and key of a write's item, and a copy of the item."""
    table = backend.get_table(write["TableName"])
    named = write.get("Key") or write["Item"]
    items: dict[Any, Any] = table.items
    key = DynamoType(named[table.hash_key_attr])
    if table.range_key_attr:
        items, key = items[key], DynamoType(named[table.range_key_attr])
    item = items.get(key)
    if item is None:
        return items, key, None
    copied = _copy_item(item)
    for name, value in item.attrs.items():
        # An update of a path, such as one entry of a map, changes the value itself.
        if value.type in ("M", "L"):
            dict.__setitem__(copied.attrs, name, copy.deepcopy(value))
    return items, key, copied


def _deepcopy(value: Any) -> Any:  # noqa: ANN401 - anything
    """Copy anything but a table, which is restored item by item."""
    return value if isinstance(value, Table) else copy.deepcopy(value)


def _copy_item(item: Item) -> Item:
    """Copy an item far enough that changes to its attributes do not affect the copy."""
    copied = copy.copy(item)
    # Bypass its own __setitem__, which computes the size of the whole item for each attribute.
    copied.attrs = LimitedSizeDict.__new__(LimitedSizeDict)
    dict.update(copied.attrs, item.attrs)
    return copied

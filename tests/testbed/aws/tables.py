"""Tables of moto made fit for several writers at once.

A condition is checked and its write is made under one lock. What a transaction falls back to is a copy that costs
little: moto's own copies every attribute of every item of the table, for each transaction.
"""

from __future__ import annotations

import copy
from functools import wraps
from threading import RLock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from moto.dynamodb import models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import Item, LimitedSizeDict
from moto.dynamodb.models.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CALLS = ("put_item", "update_item", "delete_item", "transact_write_items", "query", "scan")


def changes() -> Iterator[tuple[object, str, Any]]:
    """Give what is changed in moto."""
    lock = RLock()
    for name in CALLS:
        yield DynamoDBBackend, name, _one_at_a_time(getattr(DynamoDBBackend, name), lock)
    yield models, "copy", SimpleNamespace(copy=copy.copy, deepcopy=_deepcopy)


def _one_at_a_time(call: Callable[..., Any], lock: RLock) -> Callable[..., Any]:
    @wraps(call)
    def locked(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - moto's own
        with lock:
            return call(*args, **options)

    return locked


def _deepcopy(value: Any) -> Any:  # noqa: ANN401 - anything
    return _snapshot(value) if isinstance(value, Table) else copy.deepcopy(value)


def _snapshot(table: Table) -> Table:
    """Copy a table so far that changing an item's attributes in the one leaves the other as it is."""
    twin = copy.copy(table)
    twin.items = copy.copy(table.items)
    for key, value in table.items.items():
        twin.items[key] = (
            {inner: _twin(item) for inner, item in value.items()} if isinstance(value, dict) else _twin(value)
        )
    return twin


def _twin(item: Item) -> Item:
    twin = copy.copy(item)
    # Past its own __setitem__, which weighs the whole item for each attribute.
    twin.attrs = LimitedSizeDict.__new__(LimitedSizeDict)
    dict.update(twin.attrs, item.attrs)
    return twin

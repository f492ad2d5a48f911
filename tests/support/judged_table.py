"""The plain tables under moto's judgement, for ``tests.support.direct``.

A kind of request that this process has not seen is answered by both, with the same items before it: answer and items
after it must be equal. What the plain tables do not know, moto answers; it must be a refusal.
"""

from __future__ import annotations

import json
from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from moto.dynamodb.exceptions import DynamodbException, MockValidationException
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler

from tests.support import plain_table
from tests.support.expressions import Unknown
from tests.support.plain_table import PlainTable
from tests.testbed.aws.account import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    from moto.dynamodb.models.table import Table

    from tests.support.expressions import Item

    Request = Mapping[str, Any]
    Answer = dict[str, Any]

_OF_ONE_TABLE: dict[str, Callable[[PlainTable, Request], Answer]] = {
    "GetItem": plain_table.get,
    "PutItem": plain_table.write,
    "UpdateItem": plain_table.write,
    "DeleteItem": plain_table.write,
    "Query": plain_table.read,
    "Scan": plain_table.read,
}
METHODS = {
    "GetItem": "get_item",
    "PutItem": "put_item",
    "UpdateItem": "update_item",
    "DeleteItem": "delete_item",
    "Query": "query",
    "Scan": "scan",
    "BatchGetItem": "batch_get_item",
    "TransactWriteItems": "transact_write_items",
}
_TEXTS = (
    "TableName",
    "IndexName",
    "ConditionExpression",
    "UpdateExpression",
    "KeyConditionExpression",
    "FilterExpression",
    "ProjectionExpression",
    "ReturnValues",
    "ReturnValuesOnConditionCheckFailure",
)
_ITEMS: WeakKeyDictionary[Table, PlainTable] = WeakKeyDictionary()
_JUDGED: set[Hashable] = set()


def items_of(table: Table) -> PlainTable:
    """Return the plain items of a table of moto's, which has none of its own."""
    if table not in _ITEMS:
        _ITEMS[table] = PlainTable(table)
    return _ITEMS[table]


class JudgedTables(DynamoHandler):
    """The tables of a region, and moto's own view of requests, past what reads them off the wire."""

    def __init__(self, region: str) -> None:
        """Reach the tables of a region."""
        super().__init__()
        self._backend = dynamodb_backends[ACCOUNT][region]
        self._lock = RLock()

    @property
    def dynamodb_backend(self) -> Any:  # noqa: ANN401 - moto's own
        """Return what moto asks."""
        return self._backend

    def ask(self, operation: str, request: Request, is_valid: Callable[[], bool]) -> Answer | None:
        """Answer a request; raises moto's errors. None if it is not valid, which only those not seen before can be."""
        # Tests call from many threads.
        with self._lock:
            shapes = frozenset(_shapes(operation, request))
            if shapes <= _JUDGED:
                try:
                    return self._own(operation, request)
                except Unknown:
                    return self._refused(operation, request) if is_valid() else None
                except DynamodbException:
                    if (shapes, "refused") in _JUDGED:
                        raise
            return self._judged(operation, request, shapes) if is_valid() else None

    def _own(self, operation: str, request: Request) -> Answer:
        if operation in _OF_ONE_TABLE:
            return _OF_ONE_TABLE[operation](self._table(request["TableName"]), request)
        if operation == "TransactWriteItems":
            return plain_table.transact(self._table, request)
        return plain_table.get_several(self._table, request)

    def _table(self, name: str) -> PlainTable:
        return items_of(self._backend.get_table(name))

    def _refused(self, operation: str, request: Request) -> Answer:
        """Let moto say what is wrong with a request."""
        outcome, _ = self._by_moto(operation, request)
        if isinstance(outcome, Exception):
            raise outcome
        raise AssertionError(f"tests.support.plain_table lacks what DynamoDB can do: {operation} {request}")

    def _judged(self, operation: str, request: Request, shapes: frozenset[Hashable]) -> Answer:
        """Answer as moto does, or say where not."""
        expected, items = self._by_moto(operation, request)
        if isinstance(expected, MockValidationException):
            raise expected
        try:
            answer = self._own(operation, request)
        except Unknown:
            return self._refused(operation, request)
        except DynamodbException as refusal:
            _agree(expected, refusal, request)
            _JUDGED.add((shapes, "refused"))
            raise
        _agree(expected, answer, request)
        assert items == {name: self._touched(name, places) for name, places in _places(operation, request)}, request
        _JUDGED.update(shapes)
        return answer

    def _touched(self, name: str, keys: Sequence[Item] | None) -> list[Item]:
        """Return the items with some keys, or all, sorted."""
        table = self._table(name)
        found: list[Item | None] = []
        if keys is None:
            found += (row.item for row in table.rows())
        for key in keys or ():
            with suppress(Unknown):
                found.append(table.at(table.key_of(key)))
        return sorted((item for item in found if item), key=table.key_of)

    def _by_moto(self, operation: str, request: Request) -> tuple[Answer | Exception, dict[str, list[Item]]]:
        """Return moto's answer, and the items that the request names as they are after it."""
        tables = {name: self._backend.get_table(name) for name, _ in _places(operation, request)}
        assert not any(any(table.items.values()) for table in tables.values()), "written past tests.support.direct"
        try:
            for name, keys in _places(operation, request):
                for item in self._touched(name, keys):
                    tables[name].put_item(item)
            self.body = {**request}
            try:
                outcome: Answer | Exception = getattr(self, METHODS[operation])().result
            except DynamodbException as refusal:
                outcome = refusal
            left = {name: self._backend.get_table(name).all_items() for name in tables}
            return outcome, {name: [item.to_json()["Attributes"] for item in items] for name, items in left.items()}
        finally:
            for table in tables.values():
                table.items.clear()
            # A transaction that fails puts a copy in its place.
            self._backend.tables.update(tables)


def _shapes(operation: str, request: Request) -> Iterator[Hashable]:
    """Yield what tells kinds of requests apart: all but the values."""
    if operation == "TransactWriteItems":
        for kind, one in (found for item in request["TransactItems"] for found in item.items()):
            yield operation, kind, *_shape(one)
    elif operation == "BatchGetItem":
        yield operation, *((name, frozenset(one)) for name, one in request["RequestItems"].items())
    else:
        yield operation, *_shape(request)


def _shape(request: Request) -> Iterator[Hashable]:
    yield frozenset(request)
    yield from map(request.get, _TEXTS)
    yield frozenset(request.get("ExpressionAttributeNames", ()))
    yield frozenset((name, *value) for name, value in request.get("ExpressionAttributeValues", {}).items())


def _places(operation: str, request: Request) -> Iterator[tuple[str, Sequence[Item] | None]]:
    """Yield the tables of a request, each with the keys that it names; None stands for all."""
    if operation == "BatchGetItem":
        yield from ((name, one["Keys"]) for name, one in request["RequestItems"].items())
    elif operation == "TransactWriteItems":
        writes = [one for item in request["TransactItems"] for one in item.values()]
        for name in {one["TableName"] for one in writes}:
            yield name, [one.get("Item") or one["Key"] for one in writes if one["TableName"] == name]
    else:
        key = request.get("Item") or request.get("Key")
        yield request["TableName"], None if key is None else [key]


def _agree(expected: Answer | Exception, found: Answer | Exception, request: Request) -> None:
    assert _told(expected) == _told(found), f"{expected} {found} {request}"


def _told(outcome: Answer | Exception) -> Any:  # noqa: ANN401 - JSON
    """Return an answer without what DynamoDB charges for it."""
    if isinstance(outcome, DynamodbException):
        return json.loads(outcome.description)
    assert isinstance(outcome, dict)
    charged = ("ConsumedCapacity", "ConsumedCapacityUnits", "ItemCollectionMetrics")
    return {name: value for name, value in outcome.items() if name not in charged}

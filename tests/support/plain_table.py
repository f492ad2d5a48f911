"""DynamoDB's tables on plain items in wire format: what the product asks of them, in a fraction of moto's time.

``tests.support.judged_table`` compares what happens here with moto. ``Unknown`` is raised for anything else, before
anything is written; moto says what it is.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from moto.dynamodb.exceptions import ConditionalCheckFailed, TransactionCanceledException

from tests.support import expressions
from tests.support.expressions import Unknown
from tests.testbed.aws.table_speed import LARGEST_ITEM
from tests.testbed.aws.tables import number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from moto.dynamodb.models.table import Table

    from tests.support.expressions import Item, Value

    Key = tuple[str, str]
    Request = Mapping[str, Any]

# moto's own limit of a page.
LARGEST_PAGE, MOST_KEYS = 1_000_000, 100


class Row(NamedTuple):
    """An item, which is replaced and never changed, and its size in bytes."""

    item: Item
    size: int


class PlainTable:
    """The items of a table, by their keys, which are texts."""

    def __init__(self, table: Table) -> None:
        """Begin without an item."""
        self.keys = (table.hash_key_attr, str(table.range_key_attr))
        self.indexes = {index.name: index for index in table.all_indexes()}
        self.partitions: dict[str, dict[str, Row]] = defaultdict(dict)

    def key_of(self, item: Item) -> Key:
        """Return the key of an item, or of a request."""
        try:
            first, second = (item[name]["S"] for name in self.keys)
        except KeyError as other:
            raise Unknown("a key of other attributes") from other
        if not first or not second:
            raise Unknown("an empty key")
        return first, second

    def at(self, key: Key) -> Item | None:
        """Return an item."""
        found = self.partitions[key[0]].get(key[1])
        return found and found.item

    def replace(self, key: Key, item: Item | None) -> None:
        """Write an item, or delete it."""
        if item is None:
            self.partitions[key[0]].pop(key[1], None)
        else:
            self.partitions[key[0]][key[1]] = Row(item, _size_of(item))

    def rows(self) -> Iterator[Row]:
        """Yield all rows, in whatever order."""
        for partition in self.partitions.values():
            yield from partition.values()

    def chosen(self, request: Request) -> list[Row]:
        """Return the rows of the table, or of the partition of it or of an index that a query names, in order."""
        if "KeyConditionExpression" not in request:
            found: Iterable[Row] = self.rows()
        elif "IndexName" not in request:
            found = self.partitions[_partition(request, self.keys[0])["S"]].values()
        else:
            first, second = self.attributes(request["IndexName"])
            value = _partition(request, first)
            found = (row for row in self.rows() if value == row.item.get(first) and second in row.item)
        return sorted(found, key=lambda row: self.place(request, row.item))

    def place(self, request: Request, item: Item) -> tuple[Any, ...]:
        """Return a value by which the items that a request reads are sorted."""
        if "IndexName" not in request:
            return self.key_of(item)
        _, second = self.attributes(request["IndexName"])
        return expressions.ordered(item[second]), *self.key_of(item)

    def attributes(self, index: str) -> list[str]:
        """Return the attributes that are the key of an index."""
        return [part["AttributeName"] for part in self.indexes[index].schema]

    def projected(self, request: Request, items: Iterable[Item]) -> list[Item]:
        """Return copies of items with the attributes that a request asks for."""
        wanted = _projection(request)
        index = self.indexes[request["IndexName"]].projection if "IndexName" in request else {"ProjectionType": "ALL"}
        if index["ProjectionType"] != "ALL":
            held = {*self.keys, *self.attributes(request["IndexName"]), *index.get("NonKeyAttributes", ())}
            wanted = held if wanted is None else wanted & held
        if wanted is None:
            return [{**item} for item in items]
        return [{name: value for name, value in item.items() if name in wanted} for item in items]


def _partition(request: Request, attribute: str) -> Value:
    """Return the partition key that a query names: first, as all of them do."""
    name, sign, value, *_ = request["KeyConditionExpression"].split(" ")
    if (name, sign) != (attribute, "=") or value not in request["ExpressionAttributeValues"]:
        raise Unknown(request["KeyConditionExpression"])
    found: Value = request["ExpressionAttributeValues"][value]
    return found


def _projection(request: Request) -> set[str] | None:
    if "ProjectionExpression" not in request:
        return None
    names = request.get("ExpressionAttributeNames", {})
    words = [word.strip() for word in request["ProjectionExpression"].split(",")]
    if any("." in word or "[" in word for word in words):
        raise Unknown("a projection of parts")
    return {names.get(word, word) for word in words}


def get(table: PlainTable, request: Request) -> dict[str, Any]:
    """Answer GetItem."""
    item = table.at(table.key_of(request["Key"]))
    return {"Item": table.projected(request, [item])[0]} if item else {}


def write(table: PlainTable, request: Request) -> dict[str, Any]:
    """Answer PutItem, UpdateItem and DeleteItem."""
    key, before, after = changed(table, request)
    table.replace(key, after)
    match request.get("ReturnValues", "NONE"):
        case "ALL_OLD":
            return {"Attributes": {**before}} if before else {}
        case "ALL_NEW":
            return {"Attributes": {**(after or {})}}
    return {}


def changed(table: PlainTable, request: Request) -> tuple[Key, Item | None, Item | None]:
    """Return the key of a write, and the item before and after it; raises moto's error if its condition fails."""
    if request.get("ReturnValues", "NONE") not in ("NONE", "ALL_OLD", "ALL_NEW"):
        raise Unknown(request["ReturnValues"])
    key = table.key_of(request.get("Item") or request["Key"])
    before = table.at(key)
    names, values = request.get("ExpressionAttributeNames", {}), stored(request.get("ExpressionAttributeValues", {}))
    if "ConditionExpression" in request:
        condition = expressions.condition(request["ConditionExpression"])
        if not condition(before or {}, names, values):
            wanted = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            raise ConditionalCheckFailed(item=before if wanted else None)
    if "UpdateExpression" in request:
        after = expressions.update(request["UpdateExpression"])(before or request["Key"], names, values)
        if table.key_of(after) != key:
            raise Unknown("a change of the key")
    else:
        after = stored(request["Item"]) if "Item" in request else {}
    if _size_of(after) > LARGEST_ITEM:
        raise Unknown("an item that is too large")
    return key, before, after or None


def transact(tables: Callable[[str], PlainTable], request: Request) -> dict[str, Any]:
    """Answer TransactWriteItems."""
    changes: dict[tuple[str, Key], Item | None] = {}
    reasons: list[tuple[Any, ...]] = []
    for kind, one in (found for item in request["TransactItems"] for found in item.items()):
        if kind not in ("Put", "Update", "Delete"):
            raise Unknown(kind)
        table = tables(one["TableName"])
        place = one["TableName"], table.key_of(one.get("Item") or one["Key"])
        if place in changes:
            raise Unknown("two writes of one item")
        changes[place] = None
        try:
            *_, changes[place] = changed(table, one)
            reasons.append((None, None, None))
        except ConditionalCheckFailed as failed:
            wanted = one.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            item = table.at(place[1]) if wanted else None
            reasons.append(("ConditionalCheckFailed", failed.message, item))
    if any(code for code, *_ in reasons):
        raise TransactionCanceledException(reasons)
    for (name, key), after in changes.items():
        tables(name).replace(key, after)
    return {}


def get_several(tables: Callable[[str], PlainTable], request: Request) -> dict[str, Any]:
    """Answer BatchGetItem."""
    found: dict[str, list[Item]] = {}
    for name, wanted in request["RequestItems"].items():
        table = tables(name)
        keys = [table.key_of(key) for key in wanted["Keys"]]
        if not wanted.keys() <= {"Keys", "ConsistentRead"} or not len({*keys}) == len(keys) <= MOST_KEYS:
            raise Unknown("a batch")
        found[name] = [{**item} for item in map(table.at, keys) if item]
    return {"Responses": found, "UnprocessedKeys": {}}


def read(table: PlainTable, request: Request) -> dict[str, Any]:
    """Answer Query and Scan."""
    names, values = request.get("ExpressionAttributeNames", {}), stored(request.get("ExpressionAttributeValues", {}))
    request = {**request, "ExpressionAttributeValues": values}
    rows, is_forward = table.chosen(request), request.get("ScanIndexForward", True)
    if "KeyConditionExpression" in request:
        matches = expressions.condition(request["KeyConditionExpression"])
        rows = [row for row in rows if matches(row.item, names, values)]
    rows = rows if is_forward else rows[::-1]
    if "ExclusiveStartKey" in request:
        after = table.place(request, request["ExclusiveStartKey"])
        places = ((table.place(request, row.item), row) for row in rows)
        rows = [row for place, row in places if (place > after if is_forward else place < after)]
    taken = _within_limits(rows, request.get("Limit"))
    items = [row.item for row in taken]
    if "FilterExpression" in request:
        keeps = expressions.condition(request["FilterExpression"])
        items = [item for item in items if keeps(item, names, values)]
    answer = {"Count": len(items), "ScannedCount": len(taken), "Items": table.projected(request, items)}
    if len(taken) < len(rows):
        named = {*table.keys, *(table.attributes(request["IndexName"]) if "IndexName" in request else ())}
        answer["LastEvaluatedKey"] = {name: taken[-1].item[name] for name in named}
    return answer


def _within_limits(rows: list[Row], limit: int | None) -> list[Row]:
    size = 0
    for count, row in enumerate(rows):
        size += row.size
        if count == limit or size > LARGEST_PAGE:
            return rows[:count]
    return rows


def stored(item: Mapping[str, Value]) -> Item:
    """Return an item as DynamoDB stores it: of its own, with numbers as it writes them."""
    return {name: _stored(value) for name, value in item.items()}


def _stored(value: Value) -> Value:
    ((kind, content),) = value.items()
    match kind:
        case "S" if isinstance(content, str):
            # Of a class of its own, it is stored as a mere text.
            return value if type(content) is str else {"S": str.__str__(content)}
        case "BOOL" | "NULL" if type(content) is bool:
            return value
        case "N" if type(content) is str:
            return {"N": number(content)}
        case "M":
            return {"M": {name: _stored(one) for name, one in content.items()}}
        case "L":
            return {"L": [_stored(one) for one in content]}
    raise Unknown(f"a value of type {kind}")


def _size_of(item: Item) -> int:
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Value) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "M":
            return _size_of(content)
        case "L":
            return sum(map(_size, content))
        case "S" | "N":
            return len(content) if content.isascii() else len(content.encode())
    return 1

"""Count the units that DynamoDB would charge, by the size of what is read and written."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.responses import DynamoHandler

from tests.testbed.aws.account import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Item = Mapping[str, Mapping[str, Any]]

WRITTEN, READ = 1024, 4096
# A changed key in the index of open jobs is a deletion and an insertion.
UNITS_OF_INDEX = 2
INDEXED = ("is_open", "updated_at")


@dataclass(slots=True)
class Meter:
    """Write and read units of Gallop's requests to moto; a refused write costs as much."""

    region: str
    is_gallops: Callable[[Any], bool]
    """Returns whether the request of moto's handler is Gallop's."""
    writes: float = 0
    reads: float = 0
    _lock: Lock = field(init=False, default_factory=Lock)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count for the duration of the context."""
        units: dict[str, Callable[[dict[str, Any], Any], tuple[float, float]]] = {
            "put_item": lambda request, _: (self._write(request), 0),
            "update_item": lambda request, _: (self._write(request), 0),
            "delete_item": lambda request, _: (self._write(request), 0),
            "transact_write_items": lambda request, _: (sum(self._write(one, 2) for one in _details(request)), 0),
            "get_item": lambda request, response: (0, _read(filter(None, [response.get("Item")]), request)),
            "query": lambda request, response: (0, _read(response.get("Items", []), request)),
            "batch_get_item": lambda _, response: (0, sum(_read([item], _CONSISTENT) for item in _batch(response))),
        }
        with ExitStack() as patches:
            for name, count in units.items():
                original = getattr(DynamoHandler, name)
                patches.enter_context(patch.object(DynamoHandler, name, self._counting(original, count)))
            yield

    def _counting(
        self, original: Callable[[Any], Any], count: Callable[[dict[str, Any], Any], tuple[float, float]]
    ) -> Callable[[Any], Any]:
        def counting(handler: Any) -> Any:  # noqa: ANN401 - moto's own
            response: Any = None
            try:
                response = original(handler)
                return response
            finally:
                if self.is_gallops(handler):
                    writes, reads = count(handler.body, response.result if response else {})
                    with self._lock:
                        self.writes += writes
                        self.reads += reads

        return counting

    def _write(self, request: Mapping[str, Any], times: int = 1) -> int:
        """Return the units of one write; in a transaction the table's count twice, those of its index once."""
        item = request.get("Item") or self._stored(request)
        is_indexed = INDEXED[0] in item and any(name in str(request) for name in INDEXED)
        return times * ceil(max(1, _size(item)) / WRITTEN) + UNITS_OF_INDEX * is_indexed

    def _stored(self, request: Mapping[str, Any]) -> Item:
        """Return the item of a key as it is in the table."""
        table = dynamodb_backends[ACCOUNT][self.region].get_table(request["TableName"])
        found = table.items.get(DynamoType(request["Key"]["pk"]), {}).get(DynamoType(request["Key"]["sk"]))
        item: Item = found.to_json()["Attributes"] if found else {}
        return item


_CONSISTENT = {"ConsistentRead": True}


def _details(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (detail for write in request["TransactItems"] for detail in write.values())


def _batch(response: Mapping[str, Any]) -> Iterator[Item]:
    return (item for items in response.get("Responses", {}).values() for item in items)


def _read(items: Iterable[Item], request: Mapping[str, Any]) -> float:
    units = ceil(max(1, sum(map(_size, items))) / READ)
    return units if request.get("ConsistentRead") else units / 2


def _size(item: Item) -> int:
    return sum(len(name.encode()) + DynamoType(dict(value)).size() for name, value in item.items())

"""Counts the units that DynamoDB would charge, by the size of what is read and written."""

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
# An item of the index of open jobs that changes its key is taken out and put in.
UNITS_OF_INDEX = 2
INDEXED = ("is_open", "updated_at")


@dataclass(slots=True)
class Meter:
    """Write and read units of those requests to moto that are Gallop's; a refused write costs, too."""

    region: str
    is_gallops: Callable[[Any], bool]
    """Tells moto's handler of a request of Gallop's from that of others."""
    writes: float = 0
    reads: float = 0
    _lock: Lock = field(init=False, default_factory=Lock)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count for as long as the context lasts."""
        units: dict[str, Callable[[dict[str, Any], Any], tuple[float, float]]] = {
            "put_item": lambda asked, _: (self._write(asked), 0),
            "update_item": lambda asked, _: (self._write(asked), 0),
            "delete_item": lambda asked, _: (self._write(asked), 0),
            "transact_write_items": lambda asked, _: (sum(self._write(one, 2) for one in _details(asked)), 0),
            "get_item": lambda asked, answer: (0, _read(filter(None, [answer.get("Item")]), asked)),
            "query": lambda asked, answer: (0, _read(answer.get("Items", []), asked)),
            "batch_get_item": lambda _, answer: (0, sum(_read([item], _SURE) for item in _batch(answer))),
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
            answer: Any = None
            try:
                answer = original(handler)
                return answer
            finally:
                if self.is_gallops(handler):
                    writes, reads = count(handler.body, answer.result if answer else {})
                    with self._lock:
                        self.writes += writes
                        self.reads += reads

        return counting

    def _write(self, asked: Mapping[str, Any], times: int = 1) -> int:
        """Give the units of one write; in a transaction the table's own count twice, those of its index once."""
        item = asked.get("Item") or self._lying(asked)
        is_indexed = INDEXED[0] in item and any(name in str(asked) for name in INDEXED)
        return times * ceil(max(1, _size(item)) / WRITTEN) + UNITS_OF_INDEX * is_indexed

    def _lying(self, asked: Mapping[str, Any]) -> Item:
        """Give the item of a key as it lies in the table."""
        table = dynamodb_backends[ACCOUNT][self.region].get_table(asked["TableName"])
        found = table.items.get(DynamoType(asked["Key"]["pk"]), {}).get(DynamoType(asked["Key"]["sk"]))
        item: Item = found.to_json()["Attributes"] if found else {}
        return item


_SURE = {"ConsistentRead": True}


def _details(asked: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (detail for write in asked["TransactItems"] for detail in write.values())


def _batch(answer: Mapping[str, Any]) -> Iterator[Item]:
    return (item for items in answer.get("Responses", {}).values() for item in items)


def _read(items: Iterable[Item], asked: Mapping[str, Any]) -> float:
    units = ceil(max(1, sum(map(_size, items))) / READ)
    return units if asked.get("ConsistentRead") else units / 2


def _size(item: Item) -> int:
    return sum(len(name.encode()) + DynamoType(dict(value)).size() for name, value in item.items())

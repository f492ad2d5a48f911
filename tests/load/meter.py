"""Count the units that DynamoDB would charge, by the size of what is read and written."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.responses import DynamoHandler

from tests.support.judged_table import METHODS, JudgedTables, items_of
from tests.testbed.aws.account import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Item = Mapping[str, Mapping[str, Any]]

WRITTEN, READ = 1024, 4096
# A changed key in the index of open jobs is a deletion and an insertion.
UNITS_OF_INDEX = 2
INDEXED = ("is_open", "updated_at")
INDEX = "OpenJobs"
# Each job, request and drop has a partition of its own.
ALONE = frozenset({"JOB", "IDEMPOTENCY", "DROP", "IMAGE", "TASK"})


@dataclass(slots=True)
class Meter:
    """Write and read units of Gallop's requests to moto; a refused write costs as much."""

    region: str
    is_gallops: Callable[[Any], bool]
    """Returns whether the request of moto's handler is Gallop's."""
    now: Callable[[], float] = time.time
    writes: float = 0
    reads: float = 0
    written: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Write units by partition, all jobs' own as one."""
    read: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Read units by partition."""
    reads_of: Counter[str] = field(default_factory=Counter)
    """Requests that read, by partition."""
    minutes: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """Write units by partition and minute."""
    _lock: Lock = field(init=False, default_factory=Lock)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count for the duration of the context."""
        with ExitStack() as patches:
            for operation, name in METHODS.items():
                original = getattr(DynamoHandler, name)
                patches.enter_context(patch.object(DynamoHandler, name, self._counting(operation, original)))
            yield

    @contextmanager
    def running_in_process(self) -> Iterator[None]:
        """Count the requests of a simulation, which do not reach moto."""
        ask = JudgedTables.ask

        def counting(
            tables: JudgedTables, operation: str, request: Mapping[str, Any], *how: Callable[[], bool]
        ) -> dict[str, Any] | None:
            response: dict[str, Any] | None = None
            try:
                response = ask(tables, operation, request, *how)
                return response
            finally:
                self._count(operation, request, response or {})

        with patch.object(JudgedTables, "ask", counting):
            yield

    def _counting(self, operation: str, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def counting(handler: Any) -> Any:  # noqa: ANN401 - moto's own
            response: Any = None
            try:
                response = original(handler)
                return response
            finally:
                if self.is_gallops(handler):
                    self._count(operation, handler.body, response.result if response else {})

        return counting

    def _count(self, operation: str, request: Mapping[str, Any], response: Mapping[str, Any]) -> None:
        with self._lock:
            match operation:
                case "PutItem" | "UpdateItem" | "DeleteItem":
                    self._write(request)
                case "TransactWriteItems":
                    self._write_all(request)
                case "GetItem":
                    self._read(filter(None, [response.get("Item")]), request)
                case "Query":
                    self._read(response.get("Items", []), request)
                case "BatchGetItem":
                    self._read_all(response)

    def _write(self, request: Mapping[str, Any], times: int = 1) -> None:
        """Count one write; in a transaction the table's units count twice, those of its index once."""
        item = request.get("Item") or self._stored(request)
        self._written(_partition(request.get("Item") or request["Key"]), times * ceil(max(1, _size(item)) / WRITTEN))
        if INDEXED[0] in item and any(name in str(request) for name in INDEXED):
            self._written(f"{INDEX} {item[INDEXED[0]]['S']}", UNITS_OF_INDEX)

    def _write_all(self, request: Mapping[str, Any]) -> None:
        for one in _details(request):
            self._write(one, 2)

    def _read_all(self, response: Mapping[str, Any]) -> None:
        for item in _batch(response):
            self._read([item], {"ConsistentRead": True, "Key": item})

    def _written(self, partition: str, units: int) -> None:
        self.writes += units
        self.written[partition] += units
        self.minutes[partition][int(self.now() // 60)] += units

    def _read(self, items: Iterable[Item], request: Mapping[str, Any]) -> None:
        found = [*items]
        units = ceil(max(1, sum(map(_size, found))) / READ) * (1 if request.get("ConsistentRead") else 0.5)
        partition = _partition_read(found, request)
        self.reads += units
        self.read[partition] += units
        self.reads_of[partition] += 1

    def _stored(self, request: Mapping[str, Any]) -> Item:
        """Return the item of a key as it is in the table."""
        table = dynamodb_backends[ACCOUNT][self.region].get_table(request["TableName"])
        if plain := items_of(table).at((request["Key"]["pk"]["S"], request["Key"]["sk"]["S"])):
            return plain
        found = table.items.get(DynamoType(request["Key"]["pk"]), {}).get(DynamoType(request["Key"]["sk"]))
        item: Item = found.to_json()["Attributes"] if found else {}
        return item


def _details(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (detail for write in request["TransactItems"] for detail in write.values())


def _batch(response: Mapping[str, Any]) -> Iterator[Item]:
    return (item for items in response.get("Responses", {}).values() for item in items)


def _partition_read(items: Sequence[Item], request: Mapping[str, Any]) -> str:
    if "IndexName" in request:
        return str(request["IndexName"])
    if "Key" in request:
        return _partition(request["Key"])
    values = request.get("ExpressionAttributeValues", {})
    return _partition({"pk": values[":pk"]} if ":pk" in values else items[0] if items else {"pk": {"S": "other"}})


def _partition(key: Item) -> str:
    """Return the partition of an item; those of single items, of which there are many, are one here."""
    name = str(key["pk"]["S"])
    kind = name.partition("#")[0]
    return f"{kind}#" if kind in ALONE else name


def _size(item: Item) -> int:
    return sum(len(name.encode()) + _size_of(value) for name, value in item.items())


def _size_of(value: Mapping[str, Any]) -> int:
    """Return the size of a value in wire format as moto counts it, without creating it in moto's own form."""
    ((kind, given),) = value.items()
    match kind:
        case "M":
            return _size(given)
        case "L":
            return sum(map(_size_of, given))
        case "S":
            return len(given.encode())
        case "N":
            return len(str(given))
        case _:
            return DynamoType(dict(value)).size()

"""The cells of the fault matrix: one job each, with its own trouble, all on one testbed at once."""

from __future__ import annotations

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer
from gallop.edges.records import job_from

from tests.support.pictures import picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.domain.job import Job

    from tests.e2e.caller import Caller
    from tests.testbed.aimed import AimedDashScope
    from tests.testbed.stack import Testbed

STALL = {"seconds": 60}
FAULTS: list[dict[str, Any]] = [
    *[{"on": "submit", "kind": kind} for kind in ("drop_after_accept", "drop_before_accept", "500_after_accept")],
    *[{"on": "submit", "kind": kind} for kind in ("502_html", "unreadable_200", "429")],
    {"on": "submit", "kind": "stall_after_accept", **STALL},
    *[{"on": "query", "kind": kind} for kind in ("drop", "500", "429", "unknown", "malformed")],
    {"on": "query", "kind": "stall", **STALL},
    *[{"on": "download", "kind": kind} for kind in ("truncate", "403_expired", "500")],
    *[{"on": "download", "kind": kind} for kind in ("no_content_length", "wrong_bytes")],
    {"on": "download", "kind": "stall", **STALL},
]
CLIENTS = ("https", "https retried", "s3", "s3 five-fold")
# How many calls to the world a plain run of each function makes in a warm process; a cold one asks for the key, too.
CALLS = {
    "AuthorizeFunction": 1,
    "SubmitFunction": 4,
    "StartTaskFunction": 7,
    "StatusFunction": 5,
    "SaveResultFunction": 7,
    "FinishFunction": 5,
}
CALLS_OF_A_DROP = 7
CALLS_OF_RECONCILE = 5
DELIVERIES, POSTS = 5, 2
PATIENCE_S = 240.0
SWEEP_EVERY_S = 4.0
GLANCE_S = 0.5
AT_A_TIME = 8


@dataclass(slots=True)
class Cell:
    """One job and its trouble."""

    name: str
    client: str
    fault: dict[str, Any] | None = None
    kill: tuple[str, int] | None = None
    number: int = field(default_factory=count().__next__)

    @property
    def prompt(self) -> str:
        """What this cell's job is known by, everywhere."""
        return f"Cell {self.number:03}. The girl of [Image 1] waves."

    @property
    def marker(self) -> str:
        """What stands in the events that come before there is a job."""
        return f"cell-{self.number:03}" if self.client.startswith("s3") else f"Cell {self.number:03}"


def cells() -> list[Cell]:
    """Give every fault through every door with and without retries, and every kill."""
    lost = {"on": "submit", "kind": "drop_after_accept"}
    return [
        *[Cell(f"drop killed after {n}", "s3", kill=("SubmitFunction", n)) for n in range(CALLS_OF_A_DROP + 1)],
        *[
            Cell(f"{function} killed after {n}", "https retried", kill=(function, n))
            for function, calls in CALLS.items()
            for n in range(calls + 1)
        ],
        *[
            Cell(f"ReconcileFunction killed after {n}", "https", fault=lost, kill=("ReconcileFunction", n))
            for n in range(CALLS_OF_RECONCILE + 1)
        ],
        *[Cell(f"{fault['on']} {fault['kind']}, {by}", by, fault=fault) for fault in FAULTS for by in CLIENTS],
    ]


@dataclass(slots=True)
class Matrix:
    """Runs cells through a testbed, and looks at what came of them."""

    testbed: Testbed
    caller: Caller
    fake: AimedDashScope
    jobs: dict[str, list[Job]] = field(default_factory=dict)
    answers: dict[int, list[Any]] = field(default_factory=dict)

    def run(self, cells: list[Cell]) -> None:
        """Send every cell's job in, and wait until all have ended."""
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            list(pool.map(self._begin, cells))
        until, sweep_at = time.monotonic() + PATIENCE_S, time.monotonic() + SWEEP_EVERY_S
        while time.monotonic() < until:
            time.sleep(GLANCE_S)
            if not self._open() and len(self._items()) >= len(cells):
                break
            if time.monotonic() > sweep_at:
                self.testbed.aws.runtime.invoke("ReconcileFunction", b"{}")
                sweep_at = time.monotonic() + SWEEP_EVERY_S
        self.look()

    def look(self) -> None:
        """Read all jobs, by their prompts."""
        for item in self._items():
            self.jobs.setdefault(item["request"]["prompt"], []).append(job_from(item))

    def send_again(self, cell: Cell) -> None:
        """Repeat what the client of a cell did, as a late delivery does."""
        self._send(cell)

    def tasks(self, cell: Cell) -> list[dict[str, Any]]:
        """Give the vendor's tasks of a cell."""
        return [task for task in self.fake.ledger()["tasks"] if task["prompt"] == cell.prompt]

    def film(self, task_id: str) -> str:
        """Give the SHA-256 of the vendor's own video."""
        film = self.fake.vendor.film(self.fake.vendor.tasks[task_id])
        return hashlib.sha256(b"".join(film.read(0, film.size))).hexdigest()

    def dead_letters(self) -> int:
        """Count what lies in the dead-letter queue."""
        sqs = self.testbed.client("sqs")
        (url,) = [url for url in sqs.list_queues()["QueueUrls"] if "DeadLetter" in url]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(attributes["Attributes"]["ApproximateNumberOfMessages"])

    def _begin(self, cell: Cell) -> None:
        if cell.fault:
            self.fake.aim(cell.prompt, **cell.fault)
        if cell.kill and cell.kill[0] in ("SubmitFunction", "AuthorizeFunction"):
            self.testbed.aws.runtime.kill_after(*cell.kill, cell.marker)
        self._send(cell)

    def _send(self, cell: Cell) -> None:
        if cell.client.startswith("s3"):
            self._drop(cell)
        else:
            self._post(cell)

    def _drop(self, cell: Cell) -> None:
        folder = cell.marker
        self.caller.drop({f"{folder}/1.jpg": picture(), f"{folder}/prompt.txt": cell.prompt.encode()})
        if cell.client == "s3 five-fold":
            sqs = self.testbed.client("sqs")
            (url,) = [url for url in sqs.list_queues()["QueueUrls"] if "DeadLetter" not in url]
            key = {"bucket": {"name": self.caller.at.inbox_bucket}, "object": {"key": f"drop/{folder}/prompt.txt"}}
            for _ in range(DELIVERIES - 1):
                sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"Records": [{"s3": key}]}))

    def _post(self, cell: Cell) -> None:
        body = {"prompt": cell.prompt, "images": ["https://example.com/girl.jpg"], "duration": 3}
        answers = self.answers.setdefault(cell.number, [])
        for number in range(POSTS if cell.client == "https retried" else 1):
            answer = self.caller.create(body, **self._repeats(cell, number))
            answers.append(answer)
            if cell.kill and answer.status_code == 202:
                self.testbed.aws.runtime.kill_after(*cell.kill, answer.json()["id"]) if number == 0 else None
                break

    def _repeats(self, cell: Cell, number: int) -> dict[str, str]:
        marked = {"X-Cell": cell.marker}
        if cell.client == "https":
            return marked
        by_key = {"Idempotency-Key": f"key-{cell.number}"}
        by_count = {"X-Stainless-Retry-Count": str(number)}
        return marked | (by_key if cell.number % 2 else by_count)

    def _open(self) -> int:
        answer = self.testbed.client("dynamodb").query(
            TableName=self.testbed.aws.outputs()["JobTableName"],
            IndexName="OpenJobs",
            KeyConditionExpression="is_open = :open",
            ExpressionAttributeValues={":open": {"S": "yes"}},
            Select="COUNT",
        )
        return int(answer["Count"])

    def _items(self) -> list[dict[str, Any]]:
        read: Callable[[Any], Any] = TypeDeserializer().deserialize
        table = self.testbed.aws.outputs()["JobTableName"]
        pages = self.testbed.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        items = [{name: read(value) for name, value in item.items()} for page in pages for item in page["Items"]]
        return [item for item in items if item["sk"] == "JOB"]

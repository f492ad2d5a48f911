"""What a test can do to a Gallop whose clock, calls and vendor are in its hands, whichever back-end runs it.

There are two back-ends, and a test chooses one by its fixture:

- ``simulation`` (``tests.support.promise``): tables and buckets without HTTP and state machines run step by step, so
  that days pass in a second;
- ``sandbox`` (``tests.support.sandbox``): the template, deployed on moto, each function with its own environment.
"""

from __future__ import annotations

import hashlib
import io
import json
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer
from gallop.adapters.table import task_durations
from gallop.adapters.table.job_items import job_from
from gallop.services import slots

from tests.support.calls import Calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gallop.domain.job import Job
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_s3.client import S3Client

    from fake_dashscope import FakeDashScope
    from fake_dashscope.clock import ManualClock
    from tests.testbed.aws.kill_points import KillPoint


@dataclass(kw_only=True)
class Simulated(ABC):
    """The part that both back-ends have."""

    clock: ManualClock
    fake: FakeDashScope
    calls: Calls = field(default_factory=Calls)
    """Those that the running function makes to the world."""
    kills: dict[str, list[KillPoint | None]] = field(default_factory=dict)
    """By function: at which calls its next runs are killed. The first one waits for a run that makes its call; None
    lets one run pass."""
    killed: Counter[str] = field(default_factory=Counter)
    """By function: how many of its runs were."""
    bugs: dict[str, KillPoint] = field(default_factory=dict)
    """By function: the call at which each of its runs raises an exception that nobody expects."""
    made: dict[str, list[list[str]]] = field(default_factory=dict)
    """By function: the calls of each of its runs."""
    emitted: dict[str, list[list[dict[str, Any]]]] = field(default_factory=dict)
    """By function: the lines of metrics of each of its runs."""
    on_run: list[Callable[[str, list[dict[str, Any]], bool], None]] = field(default_factory=list)
    """Called after each run with the function, its lines of metrics, and whether it raised an exception."""
    waited: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """By function: seconds for which its runs have waited on purpose."""

    @property
    @abstractmethod
    def s3(self) -> S3Client:
        """A client of the buckets that may do everything."""

    @property
    @abstractmethod
    def dynamodb(self) -> DynamoDBClient:
        """A client of the table that may do everything."""

    @property
    @abstractmethod
    def inbox(self) -> str:
        """The inbox bucket."""

    @property
    @abstractmethod
    def results(self) -> str:
        """The results bucket."""

    @property
    @abstractmethod
    def table(self) -> str:
        """The table of jobs."""

    @abstractmethod
    def handle(self, function: str, event: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever it answers
        """Run a function's handler."""

    @abstractmethod
    def job(self, job_id: str) -> Job:
        """Read a job's record."""

    @abstractmethod
    def drop(self, key: str, content: bytes) -> None:
        """Upload something into the inbox."""

    def invoke(self, function: str, event: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever it answers
        """Run a function, by its name or logical id; raises ``Killed`` at a planned kill."""
        name = function.removesuffix("Function")
        with self.run_of(name):
            return self.handle(name, event)

    @contextmanager
    def run_of(self, function: str) -> Iterator[None]:
        """Make one run of a function: record its calls, and kill it at a planned call."""
        kills = self.kills.get(function) or []
        kill = kills.pop(0) if kills else None
        if kill:
            # As the only run of its process: it has read nothing before.
            task_durations.clear_cache()
            slots.clear_cache()
        began, printed, is_error = self.clock.now(), io.StringIO(), True
        try:
            with self.calls.run(kill, self.bugs.get(function)), redirect_stdout(printed):
                yield
            is_error = False
        finally:
            lines = [json.loads(line) for line in printed.getvalue().splitlines()]
            self.emitted.setdefault(function, []).append(lines)
            self.waited[function] += self.clock.now() - began
            self.killed[function] += self.calls.has_struck
            if kill and not self.calls.has_struck:
                kills.insert(0, kill)
            self.made.setdefault(function, []).append([*self.calls.made])
            for listener in self.on_run:
                listener(function, lines, is_error)

    def all_struck(self) -> None:
        """Expect that every kill struck; name those that did not, and the calls of the function's last run."""
        left = [(function, kill) for function, kills in self.kills.items() for kill in kills if kill]
        last = {function: ", ".join(runs[-1]) or "nothing" for function, runs in self.made.items()}
        missed = [f"{function} {kill}: its last run called {last.get(function, 'nothing')}" for function, kill in left]
        if missed:
            raise AssertionError(f"Kills that did not strike: {'; '.join(missed)}")

    def metric_lines(self) -> list[dict[str, Any]]:
        """Give the lines of metrics of all runs."""
        return [line for runs in self.emitted.values() for lines in runs for line in lines]

    def metric(self, name: str, **dimensions: str) -> list[float]:
        """Give the values of a metric that were emitted with these dimensions, besides the stack's name."""
        return [
            value
            for line in self.metric_lines()
            for directive in line["_aws"]["CloudWatchMetrics"]
            if {"Stack", *dimensions} in map(set, directive["Dimensions"])
            if name in {metric["Name"] for metric in directive["Metrics"]}
            if {**dimensions, "Stack": "gallop"}.items() <= line.items()
            for value in line[name]
        ]

    def records(self, sk: str) -> list[dict[str, Any]]:
        """Read the raw records of a kind."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.table)
        return [item for page in pages for item in page["Items"] if item["sk"]["S"] == sk]

    def jobs(self) -> list[Job]:
        """Read all jobs' records, the oldest first."""
        read = TypeDeserializer().deserialize
        found = [{name: read(value) for name, value in item.items()} for item in self.records("JOB")]
        return sorted(map(job_from, found), key=lambda job: job.created_at)

    def stored(self, key: str) -> bytes | None:
        """Read an object of the results bucket, if it is there."""
        try:
            return self.result(key)
        except self.s3.exceptions.NoSuchKey:
            return None

    def result(self, key: str) -> bytes:
        """Read an object of the results bucket."""
        return self.s3.get_object(Bucket=self.results, Key=key)["Body"].read()

    def results_there(self) -> list[str]:
        """Name all objects of the results bucket."""
        listed = self.s3.list_objects_v2(Bucket=self.results).get("Contents", [])
        return [entry["Key"] for entry in listed]

    def receipt(self, key: str) -> dict[str, Any]:
        """Read a receipt."""
        receipt: dict[str, Any] = json.loads(self.result(key))
        return receipt

    def requests(self) -> dict[str, int]:
        """Count what the fake vendor was asked, by kind."""
        counts: dict[str, int] = self.fake.ledger()["requests"]
        return counts

    def tasks(self, prompt: str | None = None) -> list[dict[str, Any]]:
        """Give the fake vendor's tasks, all or of a prompt."""
        return [task for task in self.fake.ledger()["tasks"] if prompt in (None, task["prompt"])]

    def film_of(self, task_id: str) -> str:
        """Give the SHA-256 of the vendor's own video of a task."""
        film = self.fake.vendor.film(self.fake.vendor.tasks[task_id])
        return hashlib.sha256(b"".join(film.read(0, film.size))).hexdigest()

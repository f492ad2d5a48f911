"""Doors, steps, table, buckets, queue, workflow and vendor in one process, under one hand."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from random import Random
from typing import TYPE_CHECKING, Any, BinaryIO
from unittest.mock import patch
from urllib.parse import quote_plus

import boto3
import httpx
import respx
from boto3.dynamodb.types import TypeDeserializer
from gallop import clock as product_clock
from gallop.adapters import aws, dashscope, secrets
from gallop.adapters.s3 import ranged_reader
from gallop.adapters.table import jobs as store
from gallop.adapters.table.job_items import job_from
from gallop.domain.dashscope.completion_event import TOKEN_HEADER
from gallop.doors.https import videos
from gallop.doors.https.bodies import Body
from gallop.doors.s3 import drops
from moto import mock_aws

from fake_dashscope import KEY, FakeDashScope, Limits, Switches
from fake_dashscope.clock import ManualClock
from functions.batch.app import handler as batch
from functions.finish.app import handler as finish
from functions.reconcile.app import handler as reconcile
from functions.save_result.app import handler as save_result
from functions.start_task.app import handler as start_task
from functions.status.app import handler as status
from functions.take_slot.app import handler as take_slot
from functions.thumbnail.app import handler as thumbnail
from functions.wake.app import handler as wake
from tests.support.promise import events
from tests.support.promise.calls import Calls, Killed
from tests.support.promise.direct import direct
from tests.support.promise.events import Events
from tests.support.promise.workflow import Workflow
from tests.template import stack
from tests.testbed.aws import tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gallop.domain.job import Job, Result
    from gallop.doors.https.videos import Created

REGION = "eu-central-1"
BASE_URL = "https://dashscope-intl.aliyuncs.com/api/v1"
INBOX, RESULTS = "inbox", "results"
VISIBILITY_SECONDS, MAX_RECEIVES = 720, 5
PICTURE_URL = "https://example.com/girl.jpg"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "JOB_TABLE": "jobs",
    "INBOX_BUCKET": INBOX,
    "RESULTS_BUCKET": RESULTS,
    "DROP_QUEUE_URL": "https://sqs/drops",
    "WORKFLOW_ARN": f"arn:aws:states:{REGION}:123456789012:stateMachine:gallop-workflow",
    "WEBHOOK_WORKFLOW_ARN": f"arn:aws:states:{REGION}:123456789012:stateMachine:gallop-webhooks",
    "BATCH_WORKFLOW_ARN": f"arn:aws:states:{REGION}:123456789012:stateMachine:gallop-batches",
    "BATCH_CONCURRENCY": "6",
    "COMPLETION_EVENTS": "off",
    "COMPLETION_SECRET_ARN": "the-token-secret",
    "DASHSCOPE_BASE_URL": BASE_URL,
    "DASHSCOPE_SECRET_ARN": "the-secret",
    "DEFAULT_MODEL": "happyhorse-1.0-r2v",
    "DEFAULT_PROMPT": "The subject of [Image 1] moves.",
    "QUIET_SECONDS": "10",
    "INCOMPLETE_MINUTES": "60",
    "MAX_IN_FLIGHT": "6",
    "QUEUE_HOURS": "72",
    "DEADLINE_MINUTES": "240",
    "RECORD_DAYS": "90",
    "DAY_CAP": "0",
    "MONTH_CAP": "0",
    "CLIENT_DAY_CAP": "0",
    "CLIENT_MONTH_CAP": "0",
    "OVER_CAP": "park",
    "POWERTOOLS_SERVICE_NAME": "test",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    "POWERTOOLS_METRICS_NAMESPACE": "test",
}
HANDLERS: dict[str, Any] = {
    "TakeSlot": take_slot,
    "StartTask": start_task,
    "Status": status,
    "Reconcile": reconcile,
    "SaveResult": save_result,
    "Thumbnail": thumbnail,
    "Finish": finish,
    "Batch": batch,
    "Wake": wake,
}


@dataclass(slots=True)
class Message:
    """A message of the S3 door's queue."""

    body: str
    visible_at: float
    received: int = 0


@dataclass(slots=True)
class Queue:
    """The S3 door's queue, as a boto3 client and as its event source."""

    clock: ManualClock
    calls: Calls
    messages: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)

    def send_message(self, *, QueueUrl: str, MessageBody: str, DelaySeconds: int = 0) -> None:  # noqa: N803 - as boto3
        """Put a message in, to be seen after so many seconds."""
        del QueueUrl
        self.calls.before("SendMessage")
        self.messages.append(Message(MessageBody, self.clock.now() + DelaySeconds))
        self.calls.after("SendMessage")


@dataclass(slots=True)
class Simulation:
    """A Gallop whose time and luck are in the test's hands."""

    clock: ManualClock
    fake: FakeDashScope
    rng: Random
    calls: Calls
    clients: dict[str, Any]
    workflow: Workflow = field(init=False)
    queue: Queue = field(init=False)
    events: Events = field(init=False)
    kills: dict[str, list[int | None]] = field(default_factory=dict)
    """By function: after how many calls its next runs are killed; None where one is not."""
    killed: Counter[str] = field(default_factory=Counter)
    """By function: how many of its runs were."""
    made: dict[str, list[list[str]]] = field(default_factory=dict)
    """By function: the calls of each of its runs."""

    def __post_init__(self) -> None:
        """Connect the parts."""
        self.workflow = Workflow(self.clock, self.rng, self.invoke, self._on_call, self._work)
        self.queue = Queue(self.clock, self.calls)
        self.events = Events(self.clock, self.invoke)

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """Run a function; raises ``Killed`` where it was to be killed."""
        kills = self.kills.get(function)
        try:
            with self.calls.run(kills.pop(0) if kills else None):
                answer: dict[str, Any] = HANDLERS[function](event, None)
        except Killed:
            self.killed[function] += 1
            raise
        finally:
            self.made.setdefault(function, []).append([*self.calls.made])
        return json.loads(json.dumps(answer))  # type: ignore[no-any-return]

    def post(self, prompt: str, kill_at: int | None = None, **headers: str) -> Created | dict[str, Any]:
        """Create a job at the HTTPS door."""
        body = {"prompt": prompt, "images": [PICTURE_URL], "duration": 3}
        return self.post_body(json.dumps(body), kill_at, **headers)

    def post_body(self, body: str, kill_at: int | None = None, **headers: str) -> Created | dict[str, Any]:
        """Send a body to the HTTPS door; header names have underscores here."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            with self.calls.run(kill_at):
                return videos.create_video("ada", Body(body.encode(), "application/json"), named)
        finally:
            self.made.setdefault("Submit", []).append([*self.calls.made])

    def put(self, key: str, content: bytes, times: int = 1) -> None:
        """Drop a file; its event is delivered so many times."""
        self.clients["s3"].put_object(Bucket=INBOX, Key=key, Body=content)
        event = {"Records": [{"s3": {"bucket": {"name": INBOX}, "object": {"key": quote_plus(key)}}}]}
        for _ in range(times):
            self.queue.messages.append(Message(json.dumps(event), self.clock.now()))

    def deliver(self) -> bool:
        """Let the S3 door take the message that is due first; False when none is due."""
        due = [message for message in self.queue.messages if message.visible_at <= self.clock.now()]
        if not due:
            return False
        message = min(due, key=lambda one: one.visible_at)
        kills = self.kills.get("Drops")
        message.received += 1
        message.visible_at = self.clock.now() + VISIBILITY_SECONDS
        try:
            with self.calls.run(kills.pop(0) if kills else None):
                drops.Batch().take(message.body)
            self.queue.messages.remove(message)
        except (Killed, Exception):  # noqa: BLE001 - whatever it was, the queue brings it again
            if message.received >= MAX_RECEIVES:
                self.queue.messages.remove(message)
                self.queue.dead.append(message)
        finally:
            self.made.setdefault("Drops", []).append([*self.calls.made])
        return True

    def sweep(self) -> dict[str, Any]:
        """Run the scheduled sweep."""
        return self.invoke("Reconcile", {"action": "sweep"})

    def notify(self, **rule: Any) -> None:  # noqa: ANN401 - whatever a rule has
        """Let DashScope tell of ended tasks."""
        self.fake.notify(url=events.URL, headers={TOKEN_HEADER: events.TOKEN}, **rule)

    def run_due(self) -> None:
        """Do all that is due now."""
        self.fake.tick()
        while self.deliver() or self.events.deliver() or self.workflow.step():
            pass

    def run_for(self, seconds: float) -> None:
        """Let so much time pass, and do all that falls due meanwhile."""
        until = self.clock.now() + seconds
        while True:
            self.run_due()
            times = [message.visible_at for message in self.queue.messages]
            wake = self.workflow.next_wake()
            # DashScope says nothing of the time at which it will tell of an end: look every second.
            times += [self.clock.now() + 1] if self.fake.events()["rule"] and self.clock.now() < until else []
            following = min([*times, *([] if wake is None else [wake])], default=None)
            if following is None or following > until:
                break
            self.clock.time = max(self.clock.time, following)
        self.clock.time = until

    def job(self, job_id: str) -> Job:
        """Read a job's record."""
        return store.get(job_id)

    def jobs(self) -> list[Job]:
        """Read all jobs."""
        read = TypeDeserializer().deserialize
        found = [{name: read(value) for name, value in item.items()} for item in self.records("JOB")]
        return [job_from(item) for item in found]

    def records(self, sk: str) -> list[dict[str, Any]]:
        """Read the raw records of a kind."""
        pages = self.clients["dynamodb"].get_paginator("scan").paginate(TableName="jobs")
        return [item for page in pages for item in page["Items"] if item["sk"]["S"] == sk]

    def tasks(self, prompt: str | None = None) -> list[dict[str, Any]]:
        """Give the vendor's tasks, all or of a prompt."""
        return [task for task in self.fake.ledger()["tasks"] if prompt in (None, task["prompt"])]

    def foreign_task(self, prompt: str) -> str:
        """Make a task of the account that is not Gallop's."""
        media = [{"type": "reference_image", "url": PICTURE_URL}]
        order = {"model": "happyhorse-1.0-r2v", "input": {"prompt": prompt, "media": media}}
        return dashscope.submit(BASE_URL, KEY, order).task_id

    def receipt(self, key: str) -> dict[str, Any] | None:
        """Read a receipt, if it is there."""
        data = self.stored(key)
        return None if data is None else json.loads(data)

    def stored(self, key: str) -> bytes | None:
        """Read an object of the results bucket, if it is there."""
        try:
            body: bytes = self.clients["s3"].get_object(Bucket=RESULTS, Key=key)["Body"].read()
        except self.clients["s3"].exceptions.NoSuchKey:
            return None
        return body

    def film_of(self, task_id: str) -> str:
        """Give the SHA-256 of the vendor's own video of a task."""
        film = self.fake.vendor.film(self.fake.vendor.tasks[task_id])
        return hashlib.sha256(b"".join(film.read(0, film.size))).hexdigest()

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Be DashScope, as a call that may be the last."""
        self.calls.before(f"{request.method} {request.url.path}")
        try:
            return self.fake.handle(request)
        finally:
            self.calls.after(f"{request.method} {request.url.path}")

    def _work(self, key: str) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.stored(key) or b"")

    def _on_call(self, moment: str, name: str) -> None:
        (self.calls.before if moment == "before" else self.calls.after)(name)


@cache
def _vendor() -> FakeDashScope:
    """Make the vendor once: it keeps what it has rendered."""
    switches = Switches(task_seconds=60.0, render_ahead=False, audio=False)
    return FakeDashScope(ManualClock(), limits=Limits.none(), switches=switches)


@contextmanager
def fresh(seed: int = 0, fake: FakeDashScope | None = None, *, listening: bool = False) -> Iterator[Simulation]:
    """Give an empty world, with a vendor of one's own (on a clock that stands still), or the one that all share.

    ``listening`` makes it a stack that takes completion events.
    """
    fake = fake or _emptied(_vendor())
    clock: ManualClock = fake.clock  # type: ignore[assignment]
    clock.advance(86_400)
    with ExitStack() as resources:
        listens = {"COMPLETION_EVENTS": "on" if listening else "off"}
        resources.enter_context(patch.dict("os.environ", {**ENVIRONMENT, **listens}))
        resources.enter_context(mock_aws())
        for target, name, value in tables.changes():
            resources.enter_context(patch.object(target, name, value))
        clients = _clients(_table())
        simulation = Simulation(clock, fake, Random(seed), Calls(), clients)
        for name, client in [*clients.items(), ("stepfunctions", simulation.workflow), ("sqs", simulation.queue)]:
            resources.enter_context(patch.object(aws, name, lambda client=client: client))
        for client in clients.values():
            simulation.calls.watch(client)
            direct(client, simulation.calls, REGION)
        resources.enter_context(patch.object(product_clock, "now", clock.now))
        resources.enter_context(patch.object(product_clock, "sleep", clock.advance))
        resources.enter_context(patch.object(secrets, "dashscope_key", lambda _: KEY))
        resources.enter_context(patch.object(secrets, "completion_token", lambda _: events.TOKEN))
        resources.enter_context(patch.object(ranged_reader, "opened", partial(_opened, ranged_reader.opened)))
        router = resources.enter_context(respx.mock(assert_all_called=False))
        router.route(host__regex=r"^[\w.-]+\.aliyuncs\.com$").mock(side_effect=simulation.answer)
        router.route(url=events.URL).mock(side_effect=simulation.events.post)
        client = resources.enter_context(httpx.Client())
        resources.enter_context(patch.object(dashscope, "_client", lambda: client))
        yield simulation


def _emptied(fake: FakeDashScope) -> FakeDashScope:
    fake.reset()
    fake.vendor.switches = Switches(task_seconds=60.0, render_ahead=False, audio=False)
    return fake


def _opened(opened: Callable[[Result], BinaryIO], result: Result) -> BinaryIO:
    """Read a film before PyAV does: FFmpeg passes over the end of a process, and asks again for ever."""
    return io.BytesIO(opened(result).read())


def _clients(table: Mapping[str, Any]) -> dict[str, Any]:
    clients = {name: _client(name) for name in ("dynamodb", "s3")}
    clients["dynamodb"].create_table(**{**table, "TableName": "jobs"})
    for bucket in (INBOX, RESULTS):
        clients["s3"].create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        clients["s3"].put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return clients


def _client(name: str) -> Any:  # noqa: ANN401 - any service
    return boto3.client(name, region_name=REGION)  # type: ignore[call-overload]


@cache
def _table() -> dict[str, Any]:
    """Give the table as the template describes it."""
    properties = stack.resolve(stack.of_type("AWS::DynamoDB::Table")["JobTable"]["Properties"])
    named = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    return {name: properties[name] for name in named}

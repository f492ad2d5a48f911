"""Doors, steps, table, buckets, queue, workflow and vendor in one process, under one hand."""

from __future__ import annotations

import io
import json
import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from random import Random
from typing import TYPE_CHECKING, Any, BinaryIO
from unittest.mock import patch
from urllib.parse import quote_plus
from uuid import uuid4

import boto3
import httpx
import respx
from gallop import clock as product_clock
from gallop import log, runs
from gallop.adapters import aws, dashscope, secrets
from gallop.adapters.s3 import ranged_reader
from gallop.adapters.table import jobs as store
from gallop.domain.dashscope.completion_event import TOKEN_HEADER
from gallop.doors.https import videos
from gallop.doors.https.bodies import Body
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.s3 import models as s3_models
from moto.s3.models import s3_backends

from fake_dashscope import KEY, FakeDashScope, Limits, Switches, render
from fake_dashscope.clock import ManualClock
from functions.batch.app import handler as batch
from functions.finish.app import handler as finish
from functions.mcp.app import handler as mcp
from functions.reconcile.app import handler as reconcile
from functions.save_result.app import handler as save_result
from functions.start_task.app import handler as start_task
from functions.status.app import handler as status
from functions.submit.app import handler as submit
from functions.take_slot.app import handler as take_slot
from functions.thumbnail.app import handler as thumbnail
from functions.videos.app import handler as video_reads
from functions.wake.app import handler as wake
from tests.support.calls import Calls, Killed
from tests.support.direct import Direct
from tests.support.drops import record
from tests.support.films import film
from tests.support.promise import events
from tests.support.promise.events import Events
from tests.support.promise.workflow import Workflow
from tests.support.simulated import Simulated
from tests.template import stack
from tests.testbed.aws import s3_uploads, tables
from tests.testbed.aws.account import ACCOUNT
from tests.testbed.aws.bootstrap import name_of_request
from tests.testbed.aws.inprocess import Context
from tests.testbed.aws.interpreter import scaled_utcnow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from gallop.domain.job import Job, Result
    from gallop.doors.https.videos import Created
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_s3.client import S3Client

    from tests.testbed.aws.kill_points import KillPoint

REGION = stack.REGION
INBOX, RESULTS, TABLE = "inbox", "results", "jobs"
API_URL = "https://api.example.com"
PICTURE_URL = "https://example.com/girl.jpg"
_MACHINES = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:gallop"
# The environment of the functions: the template's settings, and where everything is.
ENVIRONMENT = {
    **stack.settings(),
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "STACK_NAME": "gallop",
    "JOB_TABLE": TABLE,
    "INBOX_BUCKET": INBOX,
    "RESULTS_BUCKET": RESULTS,
    "DROP_QUEUE_URL": "https://sqs/drops",
    "DROP_DEAD_LETTER_QUEUE_URL": "https://sqs/dead",
    "WORKFLOW_ARN": f"{_MACHINES}-workflow",
    "WEBHOOK_WORKFLOW_ARN": f"{_MACHINES}-webhooks",
    "BATCH_WORKFLOW_ARN": f"{_MACHINES}-batches",
    "COMPLETION_SECRET_ARN": "the-token-secret",
    "DASHSCOPE_SECRET_ARN": "the-secret",
    "POWERTOOLS_SERVICE_NAME": "test",
}
_RENDER = render.render
CONTEXT: Any = Context("function", "arn", 1024, "group")
BASE_URL = ENVIRONMENT["DASHSCOPE_BASE_URL"]
HANDLERS: dict[str, Any] = {
    "Submit": submit,
    "Videos": video_reads,
    "Mcp": mcp,
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
    id: str = field(default_factory=lambda: uuid4().hex)


@dataclass(slots=True)
class Queue:
    """The S3 door's queue, as a boto3 client and as its event source."""

    clock: ManualClock
    calls: Calls
    messages: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)

    def send_message(self, *, QueueUrl: str, MessageBody: str, DelaySeconds: int = 0) -> None:  # noqa: N803 - as boto3
        """Send a message that becomes visible after some seconds."""
        del QueueUrl
        self.calls.before("SendMessage")
        self.messages.append(Message(MessageBody, self.clock.now() + DelaySeconds))
        self.calls.after("SendMessage")

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803 - as boto3
        """Let a message become visible at another time; a handle is the message's id here."""
        del QueueUrl
        with self.calls.noted("ChangeMessageVisibility"):
            for message in (*self.messages, *self.dead):
                if message.id == ReceiptHandle:
                    message.visible_at = self.clock.now() + VisibilityTimeout

    def receive_message(self, *, QueueUrl: str, MaxNumberOfMessages: int) -> dict[str, Any]:  # noqa: N803 - as boto3
        """Receive messages that were given up."""
        del QueueUrl
        with self.calls.noted("ReceiveMessage"):
            due = [message for message in self.dead if message.visible_at <= self.clock.now()][:MaxNumberOfMessages]
            for message in due:
                message.visible_at = self.clock.now() + 30
            return {"Messages": [{"Body": message.body, "ReceiptHandle": message.id} for message in due]}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803 - as boto3
        """Count the messages that were given up."""
        del QueueUrl
        with self.calls.noted("GetQueueAttributes"):
            return {"Attributes": {AttributeNames[0]: str(len(self.dead))}}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803 - as boto3
        """Delete a message that was given up."""
        del QueueUrl
        with self.calls.noted("DeleteMessage"):
            self.dead[:] = [message for message in self.dead if message.id != ReceiptHandle]


@dataclass(kw_only=True)
class Simulation(Simulated):
    """A Gallop in process, with everything that falls due under its hand."""

    rng: Random
    clients: dict[str, Any]
    workflow: Workflow = field(init=False)
    queue: Queue = field(init=False)
    events: Events = field(init=False)

    @property
    def s3(self) -> S3Client:
        """A client of the buckets that may do everything."""
        s3: S3Client = self.clients["s3"]
        return s3

    @property
    def dynamodb(self) -> DynamoDBClient:
        """A client of the table that may do everything."""
        dynamodb: DynamoDBClient = self.clients["dynamodb"]
        return dynamodb

    @property
    def inbox(self) -> str:
        """The inbox bucket."""
        return INBOX

    @property
    def results(self) -> str:
        """The results bucket."""
        return RESULTS

    @property
    def table(self) -> str:
        """The table of jobs."""
        return TABLE

    def __post_init__(self) -> None:
        """Connect the parts."""
        self.workflow = Workflow(self.clock, self.rng, self.invoke, self._on_call, self._work)
        self.queue = Queue(self.clock, self.calls)
        self.events = Events(self.clock, self.invoke)

    def handle(self, function: str, event: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever it answers
        """Run a function's handler."""
        return json.loads(json.dumps(HANDLERS[function](event, CONTEXT)))

    def post(self, prompt: str, kill: KillPoint | None = None, **headers: str) -> Created | dict[str, Any]:
        """Create a job at the HTTPS door."""
        body = {"prompt": prompt, "images": [PICTURE_URL], "duration": 3}
        return self.post_body(json.dumps(body), kill, **headers)

    def post_body(
        self, body: str, kill: KillPoint | None = None, *, client: str = "ada", **headers: str
    ) -> Created | dict[str, Any]:
        """Send a client's body to the HTTPS door; header names have underscores here."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if kill:
            self.kills["Submit"] = [kill]
        with self.run_of("Submit"):
            sent = Body(body.encode(), "application/json")
            return runs.recorded(lambda *_: videos.create_video(client, sent, named, API_URL))({}, CONTEXT)

    def drop(self, key: str, content: bytes, times: int = 1) -> None:
        """Drop a file; its event is delivered the given number of times."""
        self.clients["s3"].put_object(Bucket=INBOX, Key=key, Body=content)
        event = {"Records": [{"s3": {"bucket": {"name": INBOX}, "object": {"key": quote_plus(key)}}}]}
        for _ in range(times):
            self.queue.messages.append(Message(json.dumps(event), self.clock.now()))

    def send(self, body: str) -> None:
        """Put a message into the S3 door's queue."""
        self.queue.messages.append(Message(body, self.clock.now()))

    def deliver(self) -> bool:
        """Let the S3 door take the message that is due first; False when none is due."""
        due = [message for message in self.queue.messages if message.visible_at <= self.clock.now()]
        if not due:
            return False
        message = min(due, key=lambda one: one.visible_at)
        message.received += 1
        message.visible_at = self.clock.now() + stack.properties("DropQueue")["VisibilityTimeout"]
        try:
            with self.run_of("Drops"):
                is_taken = not self.handle("Submit", {"Records": [_record(message)]})["batchItemFailures"]
        except (Killed, Exception):  # noqa: BLE001 - whatever it was, the queue brings it again
            is_taken = False
        if is_taken:
            self.queue.messages.remove(message)
        elif message.received >= stack.max_receives("DropQueue"):
            self.queue.messages.remove(message)
            message.visible_at = self.clock.now()
            self.queue.dead.append(message)
        return True

    def sweep(self) -> dict[str, Any]:
        """Run the scheduled sweep."""
        counts: dict[str, Any] = self.invoke("Reconcile", {"action": "sweep"})
        return counts

    def notify(self, **rule: Any) -> None:  # noqa: ANN401 - whatever a rule has
        """Let DashScope report ended tasks by events."""
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
            # DashScope does not say when it will report an end: look every second.
            times += [self.clock.now() + 1] if self.fake.events()["rule"] and self.clock.now() < until else []
            following = min([*times, *([] if wake is None else [wake])], default=None)
            if following is None or following > until:
                break
            self.clock.time = max(self.clock.time, following)
        # A function may have slept beyond it.
        self.clock.time = max(self.clock.time, until)

    def job(self, job_id: str) -> Job:
        """Read a job's record."""
        return store.get(job_id)

    def foreign_task(self, prompt: str) -> str:
        """Make a task of the account that is not Gallop's."""
        media = [{"type": "reference_image", "url": PICTURE_URL}]
        order = {"model": "happyhorse-1.0-r2v", "input": {"prompt": prompt, "media": media}}
        return dashscope.submit(BASE_URL, KEY, order).task_id

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Be DashScope, as a call that may be the last."""
        with self.calls.noted(name_of_request(request.method, request.url.path)):
            return self.fake.handle(request)

    def _work(self, key: str) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.result(key))

    def _on_call(self, moment: str, name: str) -> None:
        (self.calls.before if moment == "before" else self.calls.after)(name)


def _record(message: Message) -> dict[str, Any]:
    """Give a message as SQS's event has it; its handle is its id here."""
    made = record(message.id, message.body)
    attributes = {**made["attributes"], "ApproximateReceiveCount": str(message.received)}
    return {**made, "receiptHandle": message.id, "attributes": attributes}


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
        for target, name, value in (*tables.changes(), *s3_uploads.changes(clock.now)):
            resources.enter_context(patch.object(target, name, value))
        resources.enter_context(patch.object(s3_models, "utcnow", scaled_utcnow(clock)))
        clients = _clients(_table())
        resources.callback(_forget)
        simulation = Simulation(clock=clock, fake=fake, rng=Random(seed), clients=clients)
        for name, client in [*clients.items(), ("stepfunctions", simulation.workflow), ("sqs", simulation.queue)]:
            resources.enter_context(patch.object(aws, name, lambda client=client: client))
        resources.enter_context(simulation.calls.of_all_clients(Direct(REGION)))
        resources.enter_context(patch.object(logging.getLogger(log.NAME), "disabled", True))
        resources.enter_context(patch.object(product_clock, "now", clock.now))
        resources.enter_context(patch.object(product_clock, "sleep", clock.advance))
        resources.enter_context(patch.object(secrets, "dashscope_key", lambda _: KEY))
        resources.enter_context(patch.object(secrets, "completion_token", lambda _: events.TOKEN))
        resources.enter_context(patch.object(ranged_reader, "opened", partial(_opened, ranged_reader.opened)))
        if render.render is _RENDER:
            resources.enter_context(patch.object(render, "render", _filmed))
        router = resources.enter_context(respx.mock(assert_all_called=False))
        router.route(host__regex=r"^[\w.-]+\.aliyuncs\.com$").mock(side_effect=simulation.answer)
        router.route(url=events.URL).mock(side_effect=simulation.events.post)
        client = resources.enter_context(httpx.Client())
        resources.enter_context(patch.object(dashscope, "_client", lambda: client))
        yield simulation
        simulation.all_struck()


def _emptied(fake: FakeDashScope) -> FakeDashScope:
    fake.reset()
    fake.vendor.switches = Switches(task_seconds=60.0, render_ahead=False, audio=False)
    return fake


def _filmed(_script: object, path: Path, *_: object) -> None:
    """Write a film that takes no time: whose it is, the vendor writes into each."""
    path.write_bytes(film())


def _opened(opened: Callable[[Result], BinaryIO], result: Result) -> BinaryIO:
    """Read a result before PyAV does: FFmpeg ignores the end of a process, and would read again forever."""
    return io.BytesIO(opened(result).read()) if result.bucket == RESULTS else opened(result)


def _clients(table: Mapping[str, Any]) -> dict[str, Any]:
    clients = {name: _client(name) for name in ("dynamodb", "s3")}
    clients["dynamodb"].create_table(**{**table, "TableName": TABLE})
    for bucket in (INBOX, RESULTS):
        clients["s3"].create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        clients["s3"].put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return clients


def _forget() -> None:
    """Remove the table and the buckets: beside a deployed stack, moto would keep them for the next simulation."""
    dynamodb_backends[ACCOUNT][REGION].tables.pop(TABLE, None)
    for bucket in (INBOX, RESULTS):
        s3_backends[ACCOUNT]["aws"].buckets.pop(bucket, None)
        s3_backends.bucket_accounts.pop(bucket, None)


@cache
def _client(name: str) -> Any:  # noqa: ANN401 - any service
    """Make a client once: that takes longer than most tests."""
    return boto3.client(name, region_name=REGION)  # type: ignore[call-overload]


@cache
def _table() -> dict[str, Any]:
    """Give the table as the template describes it."""
    properties = stack.resolve(stack.of_type("AWS::DynamoDB::Table")["JobTable"]["Properties"])
    named = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    return {name: properties[name] for name in named}

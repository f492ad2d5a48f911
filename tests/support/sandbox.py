"""Everything around the product in one process: the stack on moto, DashScope on respx, the time, the log."""

from __future__ import annotations

import io
import json
import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import uuid4

import gallop.clock
import gallop.log
import respx
from gallop.adapters import secrets
from gallop.adapters.table import client_keys, task_durations
from gallop.adapters.table import jobs as store
from gallop.domain.clients import keys
from gallop.domain.clients.keys import Key
from gallop.domain.job import JobState
from gallop.domain.placement import ANYWHERE
from gallop.services import slots
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.models import stepfunctions_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from fake_dashscope import KEY, FakeDashScope, Limits, Switches, render
from tests.support.direct import Direct
from tests.support.films import film
from tests.support.jobs import a_job
from tests.support.judged_table import items_of
from tests.support.simulated import Simulated
from tests.support.stack import aws
from tests.testbed.aws.account import ACCOUNT, REGION
from tests.testbed.aws.bootstrap import name_of_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import httpx
    from gallop.domain.job import Job
    from gallop.domain.placement import Placement
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_s3.client import S3Client

    from tests.support.stack import Stack

SUBMIT_URL = "https://dashscope-intl.aliyuncs.com/api/v1/services/aigc/video-generation/video-synthesis"
TASKS_URL = "https://dashscope-intl.aliyuncs.com/api/v1/tasks"
# A word of every prompt that a test makes, and all that opens a door.
NEVER_LOGGED = (
    "smiles",
    KEY,
    "Bearer",
    keys.PREFIX,
    "Signature",
    "PRIVATE KEY",
    "X-Amz-",
    "OSSAccessKeyId",
    "secret-of-the-tests",
    "token-of-the-tests",
)


@dataclass(kw_only=True)
class Sandbox(Simulated):
    """What a test of the doors and steps works with."""

    stack: Stack
    router: respx.Router
    log_lines: io.StringIO = field(default_factory=io.StringIO)
    instead: dict[str, Callable[[httpx.Request], httpx.Response]] = field(default_factory=dict)
    """What answers requests to addresses that begin so, in place of the fake vendor."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer whatever the product asks of the world by HTTP."""
        for address, effect in self.instead.items():
            if str(request.url).startswith(address):
                return effect(request)
        with self.calls.noted(name_of_request(request.method, request.url.path)):
            return self.fake.handle(request)

    def sent(self, address: str) -> list[httpx.Request]:
        """Give the requests to addresses that begin so."""
        return [call.request for call in self.router.calls if str(call.request.url).startswith(address)]

    @property
    def s3(self) -> S3Client:
        """A client of the buckets that may do everything."""
        s3: S3Client = aws("s3")
        return s3

    @property
    def dynamodb(self) -> DynamoDBClient:
        """A client of the table that may do everything."""
        dynamodb: DynamoDBClient = aws("dynamodb")
        return dynamodb

    @property
    def inbox(self) -> str:
        """The inbox bucket."""
        return self.stack.resource("InboxBucket")

    @property
    def results(self) -> str:
        """The results bucket."""
        return self.stack.resource("ResultsBucket")

    @property
    def table(self) -> str:
        """The table of jobs."""
        return self.stack.resource("JobTable")

    def handle(self, function: str, event: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever it answers
        """Run a function's handler."""
        return self.stack.invoke(f"{function}Function", event)

    def put(self, state: JobState = JobState.QUEUED, **fields: Any) -> Job:  # noqa: ANN401 - any field of a job
        """Record a job in ``state``; its key is the stack's."""
        job = a_job(state, self.clock.now(), **{"key_name": self.stack.resource("DashScopeSecret"), **fields})
        with self.stack.acting_as("SubmitFunction"):
            assert store.create(job).is_new
        return job

    def submitted(self, **fields: Any) -> Job:  # noqa: ANN401 - any field of a job
        """Record a job and let it be submitted to the fake vendor."""
        job = self.put(**fields)
        self.invoke("StartTaskFunction", {"job_id": job.id})
        return self.job(job.id)

    def storing(self, **fields: Any) -> Job:  # noqa: ANN401 - any field of a job
        """Record a job whose task has succeeded at the fake vendor."""
        job = self.submitted(**fields)
        self.clock.advance(3600)
        assert "save" == self.invoke("StatusFunction", {"action": "ask", "job_id": job.id})["next"]
        return self.job(job.id)

    def job(self, job_id: str) -> Job:
        """Read a job's record."""
        with self.stack.acting_as("SubmitFunction"):
            return store.get(job_id)

    def mint(
        self, client: str, *, is_admin: bool = False, valid_until: float | None = None, bound: Placement = ANYWHERE
    ) -> str:
        """Give a client a key."""
        key = keys.generate()
        record = Key(keys.hash_of(key), client, self.clock.now(), valid_until, is_admin, bound=bound)
        with self.stack.acting_as("SubmitFunction"):
            client_keys.create(record)
        return key

    def drop(self, key: str, content: bytes) -> None:
        """Upload something into the inbox."""
        self.s3.put_object(Bucket=self.inbox, Key=key, Body=content)

    def log_of_sweep(self, *lines: str) -> None:
        """Write lines to the log of the sweep, which no process delivers here; if not given, those of a sweep."""
        group, logs, stream = self.stack.resource("ReconcileLogs"), aws("logs"), f"sweep-{uuid4()}"
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [{"timestamp": int(self.clock.now() * 1000), "message": line} for line in lines or self._sweep()]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def _sweep(self) -> list[str]:
        """Run a sweep, and return what it prints."""
        self.invoke("ReconcileFunction", {"action": "sweep"})
        return [json.dumps(line) for line in self.emitted["Reconcile"][-1]]

    def executions(self, of: str = "Workflow") -> list[str]:
        """Name the executions of a state machine that were started."""
        machine = self.stack.resource(of)
        found = aws("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
        return [execution["name"] for execution in found]


@contextmanager
def opened(stack: Stack, *, by_http: bool = False) -> Iterator[Sandbox]:
    """Yield an unused sandbox; at its end, its log must contain nothing secret. ``by_http``, calls are as on AWS."""
    fake = FakeDashScope(stack.clock, limits=Limits.none(), switches=Switches(expiry_from="completion"))
    with respx.mock(assert_all_called=False) as router, ExitStack() as seams:
        sandbox = Sandbox(clock=stack.clock, fake=fake, stack=stack, router=router)
        # Receivers of webhooks are real.
        router.route(host="127.0.0.1").pass_through()
        router.route().mock(side_effect=sandbox.answer)
        secrets.clear_cache()
        task_durations.clear_cache()
        slots.clear_cache()
        seams.enter_context(patch.object(gallop.clock, "now", stack.clock.now))
        seams.enter_context(patch.object(gallop.clock, "sleep", stack.clock.sleep))
        seams.enter_context(patch.object(render, "render", _render))
        seams.enter_context(logged(sandbox.log_lines))
        seams.enter_context(sandbox.calls.of_all_clients(None if by_http else Direct(REGION)))
        yield sandbox
        sandbox.all_struck()
        _clear(stack)
    assert [] == secrets_in(sandbox.log_lines.getvalue())
    assert [] == secrets_in("\n".join(map(json.dumps, sandbox.metric_lines())))


def secrets_in(log: str) -> list[str]:
    """Return the lines of a log that contain a prompt, a key or a secret address."""
    return [line for line in log.splitlines() if any(secret in line for secret in NEVER_LOGGED)]


def _render(_script: object, path: Path, *_: object) -> None:
    path.write_bytes(film())


@contextmanager
def logged(stream: io.StringIO) -> Iterator[None]:
    """Log as on Lambda: the product's own lines, and those of every library from INFO on."""
    # One for all: pytest attaches its own handlers to each that there is, in each further test.
    logger = gallop.log.writing_to(stream, logging.getLogger("test"))
    own = logger.handlers[-1]
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        with patch.object(gallop.log, "_logger", lambda: logger):
            yield
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
        logger.removeHandler(own)


def _clear(stack: Stack) -> None:
    """Empty the buckets, the table, the queues and the list of executions."""
    table = stack.resource("JobTable")
    for bucket in (stack.resource("InboxBucket"), stack.resource("ResultsBucket")):
        # Directly, because moto answers no request about all versions if the name of one has a control character.
        s3_backends[ACCOUNT]["aws"].buckets[bucket].keys.clear()
        s3_backends[ACCOUNT]["aws"].buckets[bucket].multiparts.clear()
    dynamodb_backends[ACCOUNT][REGION].tables[table].items.clear()
    items_of(dynamodb_backends[ACCOUNT][REGION].tables[table]).partitions.clear()
    for backends in (stepfunctions_backends, stepfunctions_parser_backends):
        for machine in backends[ACCOUNT][REGION].state_machines:
            machine.executions.clear()
    for queue in sqs_backends[ACCOUNT][REGION].queues.values():
        queue._messages.clear()  # noqa: SLF001 - moto's
        queue._pending_messages.clear()  # noqa: SLF001 - moto's
    # No cache of a minute has what is gone.
    stack.clock.advance(61)

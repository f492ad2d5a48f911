"""One run on the testbed: many jobs at once, a late one when half of them are done, and the wait for the last."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import TYPE_CHECKING, Any

import httpx
from gallop.adapters.table import slots
from gallop.adapters.table.job_items import job_from
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from fake_dashscope import Limits, Switches
from tests.e2e.caller import Caller
from tests.e2e.matrix import CALLS
from tests.load import accounts, clients
from tests.load.figures import MAX_IN_FLIGHT, Evidence
from tests.load.meter import Meter
from tests.load.usage import Usage
from tests.load.vendor import WatchedDashScope
from tests.support.waiting import glances
from tests.testbed.aws.account import ACCOUNT
from tests.testbed.aws.kill_points import points_of
from tests.testbed.jumping_clock import JumpingClock
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GLANCE_S = 0.5
# Simulated seconds within which everything happens together, so that both cores have work after a jump.
SLACK_S = 1.0
# Real seconds without the end of a task after which the run gives up.
PATIENCE_S = 300.0
CREATES_AT_ONCE = 8
FUNCTIONS = tuple(
    f"{name}Function"
    for name in ("Submit", "Authorize", "TakeSlot", "StartTask", "Status", "SaveResult", "Thumbnail", "Finish")
)
KILLED = (
    "FinishFunction",
    "ReconcileFunction",
    "SaveResultFunction",
    "StartTaskFunction",
    "StatusFunction",
    "TakeSlotFunction",
)
DRIVER = "testbed-driver"
S3_WRITES, S3_READS = ("s3:PutObject", "s3:ListBucket"), ("s3:GetObject", "s3:GetObjectVersion")
SCHEDULED = {"TaskScheduled", "LambdaFunctionScheduled"}


@dataclass(slots=True)
class Run:
    """A run in progress."""

    jobs: int
    kills: int
    testbed: Testbed
    fake: WatchedDashScope
    meter: Meter
    caller: Caller
    rng: Random
    on_glance: Callable[[Run], None] = lambda _: None
    began: float = field(default_factory=time.monotonic)
    doors: dict[str, httpx.Client] = field(default_factory=dict)
    repeated: int = 0
    """How often a client repeated a create because the HTTPS door had no free process in time."""
    spent: int = 0
    """How many kills were planned."""

    def ended(self) -> int:
        """Count the tasks that have ended."""
        return sum(bool(task.ended) for task in self.fake.tasks())

    def open(self, kind: str) -> int:
        """Count the open jobs of a kind: ``waiting`` in the queue, or ``yes`` for the others."""
        response = self.testbed.client("dynamodb").query(
            TableName=self.testbed.aws.outputs()["JobTableName"],
            IndexName="OpenJobs",
            KeyConditionExpression="is_open = :kind",
            ExpressionAttributeValues={":kind": {"S": kind}},
            Select="COUNT",
        )
        return int(response["Count"])

    def make(self) -> Evidence:
        """Send all jobs, the late one when half of the others are done, and wait until all have ended."""
        for client in (*clients.HTTPS, clients.LATE):
            self.doors[client] = self._door(client)
        new_jobs = clients.new_jobs(self.jobs)
        with ThreadPoolExecutor(CREATES_AT_ONCE) as pool:
            sent = [pool.submit(self._send, client, prompt) for client, prompt in new_jobs]
            self._wait(lambda: self.ended() >= self.jobs // 2)
            for one in sent:
                one.result()
        self._send(clients.LATE, late := clients.prompt(self.jobs))
        late_at = self.testbed.clock.now()
        self._wait(lambda: self.ended() > self.jobs and not self.open("yes") and not self.open("waiting"))
        self._wait(lambda: not self._executing())
        return self._evidence([*(prompt for _, prompt in new_jobs), late], late_at)

    def _door(self, client: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.testbed.mint_key(client)}"}
        return httpx.Client(base_url=self.testbed.coordinates.api_url, headers=headers, timeout=PATIENCE_S)

    def _send(self, client: str, prompt: str) -> None:
        if client == clients.S3:
            self.caller.drop(clients.files(prompt))
            return
        response, pace = self._post(client, prompt), glances(inf, GLANCE_S)
        while response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            self.repeated += 1
            next(pace)
            response = self._post(client, prompt)
        response.raise_for_status()

    def _post(self, client: str, prompt: str) -> httpx.Response:
        headers = {"Idempotency-Key": clients.name(prompt)}
        return self.doors[client].post("/v1/videos", json=clients.body(prompt), headers=headers)

    def _wait(self, is_done: Callable[[], bool]) -> None:
        """Wait until it is done, or nothing has ended for too long; the figures then show what is missing."""
        before, until, pace = self.ended(), time.monotonic() + PATIENCE_S, glances(inf, GLANCE_S)
        while not is_done() and time.monotonic() < until:
            self.on_glance(self)
            next(pace)
            self._kill()
            if self.ended() > before:
                before, until = self.ended(), time.monotonic() + PATIENCE_S

    def _kill(self) -> None:
        """Kill the next run of some function, now and then, until all kills are used up."""
        due = min(self.kills, self.kills * (self.ended() + 1) // self.jobs)
        for _ in range(due - self.spent):
            function = self.rng.choice(KILLED)
            point = self.rng.choice(points_of(CALLS[function]))
            self.testbed.aws.runtime.kill_at(function, point, "")
            self.spent += 1

    def _executions(self) -> Iterator[Any]:
        machines: Any = stepfunctions_parser_backends[ACCOUNT][self.testbed.aws.region].state_machines
        return (execution for machine in machines for execution in list(machine.executions))

    def _executing(self) -> int:
        return sum(execution.exec_status == ExecutionStatus.RUNNING for execution in self._executions())

    def _evidence(self, new_jobs: list[str], late_at: float) -> Evidence:
        items = list(self.caller.items())
        return Evidence(
            new_jobs=new_jobs,
            jobs=[job_from(item) for item in items if item["sk"] == "JOB"],
            fake=self.fake,
            late_at=late_at,
            left_over=left_over(items) + self._executing() + self.caller.dead_letters(),
            repeated=self.repeated,
            usage=self._usage(),
            simulated=self.testbed.clock.now() - self.testbed.clock.anchor,
            real=time.monotonic() - self.began,
        )

    def _usage(self) -> Usage:
        runs = self.testbed.invocations()
        actions: Counter[str] = Counter()
        for entry, count in self.testbed.aws.audit.entries().items():
            if entry.principal != DRIVER:
                actions[entry.action] += count
        waited: dict[str, float] = defaultdict(float)
        for run in runs:
            waited[run.function] += run.slept_s
        histories = (execution.to_history_output()["events"] for execution in self._executions())
        return Usage(
            transitions=Counter(name for history in histories for name in transitions(history)),
            runs=Counter(run.function for run in runs),
            errors=Counter(f"{run.function}: {run.error}" for run in runs if run.error),
            writes=self.meter.writes,
            reads=self.meter.reads,
            slot_reads=self.meter.read[slots.SLOTS],
            s3_writes=sum(actions[name] for name in S3_WRITES),
            s3_reads=sum(actions[name] for name in S3_READS),
            waited=waited,
        )


def transitions(history: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the state of each transition of an execution; a retry counts as one."""
    state, tried = "", 0
    for event in history:
        if entered := event.get("stateEnteredEventDetails"):
            state, tried = entered["name"], 0
            yield state
        elif event["type"] in SCHEDULED:
            tried += 1
            if tried > 1:
                yield f"{state}, again"


def left_over(items: list[dict[str, Any]]) -> int:
    """Count what should be gone when all jobs have ended: slot holders, queue entries and waiters."""
    holders = sum(len(item["holders"]) for item in items if item["pk"] == "SLOTS")
    waiting = [item for item in items if item["pk"].startswith("QUEUE#") or item["sk"] == "SLOT_WAITER"]
    return holders + len(waiting)


def open_lanes(testbed: Testbed, lanes: int, model: str = "") -> None:
    """Store the accounts in the secret, of one model or all, and wait for the sweep that lets them take jobs."""
    if lanes == 1:
        return
    text = accounts.in_secret(lanes, testbed.coordinates.dashscope_url + "/api/v1", model)
    table = testbed.aws.outputs()["JobTableName"]
    testbed.client("secretsmanager").put_secret_value(SecretId=accounts.secret_of(testbed), SecretString=text)
    for _ in glances(PATIENCE_S, GLANCE_S):
        found = testbed.client("dynamodb").query(
            TableName=table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": slots.SLOTS}},
        )
        if any(accounts.name(lanes - 1) in item["sk"]["S"] for item in found["Items"]):
            return
    raise AssertionError("the accounts never became lanes")


@contextmanager
def started(jobs: int, speed: float, seed: int, kills: int, lanes: int = 1) -> Iterator[Run]:
    """Start a testbed whose fake DashScope has all its limits."""
    clock, known = JumpingClock(speed, SLACK_S), accounts.of_vendor(lanes)
    fake = WatchedDashScope(clock, known, limits=Limits(), switches=Switches(audio=False), seed=seed)
    # Near the end of its task, each job has a function that asks for it.
    running = Testbed(speed=speed, fake=fake, prewarm=FUNCTIONS, max_processes=MAX_IN_FLIGHT * lanes)
    with running as testbed, Caller(testbed) as caller:
        # Of one model: moto takes much longer than DynamoDB to read the slots of all.
        open_lanes(testbed, lanes, clients.MODEL)
        driver = testbed.aws.driver.access_key_id
        meter = Meter(testbed.aws.region, lambda handler: driver not in handler.headers.get("Authorization", ""))
        with meter.running():
            yield Run(jobs, kills, testbed, fake, meter, caller, Random(seed))

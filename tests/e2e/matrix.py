"""The cells of the fault matrix: one job each, with its own fault, all on one testbed at once."""

from __future__ import annotations

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from gallop.adapters.table.job_items import job_from
from gallop.adapters.table.slots import SLOTS
from gallop.domain.dashscope.reconciliation import ATTEMPT_SECONDS, SKEW_SECONDS
from gallop.domain.job import JobState, job_id_of
from gallop.domain.request.idempotency import RETRY_SECONDS

from tests.support.pictures import picture
from tests.support.waiting import glances
from tests.testbed.aws.kill_points import KillPoint, Moment, after, before, points_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gallop.domain.job import Job

    from tests.e2e.caller import Caller
    from tests.testbed.aws.kill_points import KillPlan
    from tests.testbed.stack import Testbed
    from tests.testbed.targeted_faults import TargetedDashScope

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
LOST = FAULTS[0]
CLIENTS = ("https", "https retried", "s3", "s3 five-fold")
# The calls to the world of a plain run of each function, as recorded. Not among them is the question for the key of
# DashScope, which the first run of a process reads, whatever the job.
KEY_READ = "GetSecretValue"
CALLS: dict[str, tuple[str, ...]] = {
    "AuthorizeFunction": ("UpdateItem",),
    "SubmitFunction": (
        "GetItem",
        "TransactWriteItems",
        "PutObject",
        "GetItem",
        "StartExecution",
        "GetItem",
        "UpdateItem",
    ),
    "TakeSlotFunction": (
        *("GetItem", "TransactWriteItems", "GetItem", "PutItem", "Query", "TransactWriteItems"),
        *("SendTaskSuccess", "DeleteItem"),
    ),
    "StartTaskFunction": (
        *("GetItem", "UpdateItem", "UpdateItem", "SubmitTask", "TransactWriteItems", "GetItem", "PutObject"),
        *("GetItem", "GetItem", "GetItem", "UpdateItem"),
    ),
    "StatusFunction": (
        *("GetItem", "QueryTask", "UpdateItem", "UpdateItem", "Query", "GetItem", "UpdateItem"),
        *("GetItem", "PutObject", "GetItem", "GetItem"),
    ),
    "SaveResultFunction": (
        *("GetItem", "QueryTask", "GetItem", "Download", "CreateMultipartUpload", "UploadPart"),
        *("CompleteMultipartUpload", "UpdateItem", "GetItem"),
    ),
    "ThumbnailFunction": ("GetItem", "GetObject", "GetItem", "PutObject", "UpdateItem"),
    "FinishFunction": (*("GetItem", "UpdateItem", "GetItem", "PutObject", "PutObject", "Query", "StartExecution"),),
    "ReconcileFunction": (
        *("GetItem", "ListTasks", "ListTasks", "GetItem", "TransactWriteItems", "GetItem", "PutObject"),
        *("GetItem", "GetItem"),
    ),
}
DOOR = "SubmitFunction"
DOORS = (DOOR, "AuthorizeFunction")
FINISH = "FinishFunction"
TAKE_SLOT = "TakeSlotFunction"
RECONCILE = "ReconcileFunction"
# When files arrive, the door lists their folder and sends itself a message; at that, it makes the job.
CALLS_OF_AN_ARRIVAL = ("ListObjectsV2", "PutItem", "GetItem", "SendMessage")
CALLS_OF_A_LOOK = (
    *("ListObjectsV2", "ListMultipartUploads", "GetObject", "GetObject", "GetItem", "GetItem", "GetItem"),
    *("TransactWriteItems", "PutObject", "GetItem", "GetItem", "StartExecution"),
)
# The receipts again, with the thumbnail.
CALLS_OF_A_RENEWAL = ("GetItem", "GetItem", "PutObject", "PutObject", "GetItem", "GetItem", "UpdateItem")
# So that each is alone in its batch, where with others that die a message would be given up.
SECONDS_BETWEEN = 60.0
DELIVERIES, POSTS = 5, 2
BUGS = [
    ("StartTaskFunction", KillPoint("SubmitTask", 1, Moment.AFTER, is_bug=True)),
    ("StatusFunction", KillPoint("QueryTask", 1, Moment.AFTER, is_bug=True)),
    ("SaveResultFunction", KillPoint("CompleteMultipartUpload", 1, Moment.BEFORE, is_bug=True)),
    ("FinishFunction", KillPoint("PutObject", 1, Moment.BEFORE, is_bug=True)),
    ("ReconcileFunction", KillPoint("ListTasks", 1, Moment.AFTER, is_bug=True)),
]
RECORDS = Path(__file__).parents[1] / "unit" / "adapters" / "table" / "records"
VERSIONS = sorted(path.stem for path in RECORDS.glob("*.json"))
# Real seconds without any change of a record, and for one POST: far more than it takes, because machines may be busy.
PATIENCE_S, POST_S = 300.0, 180.0
# A retry that a busy machine sent later than this, in simulated seconds, is one that Gallop no longer recognises.
RETRY_S = RETRY_SECONDS / 2
GLANCE_S = 0.5
AT_A_TIME = 8
MAX_RUNS = 8
NUMBERS = count()


# For several videos, in process every call is the last one once.
KILLS_OF_TWO = (
    *(before("TransactWriteItems"), after("TransactWriteItems"), after("PutObject"), after("StartExecution")),
    *(before("StartExecution", 2), after("StartExecution", 2)),
)


@dataclass(slots=True)
class Cell:
    """One job, or those of a group, and its fault."""

    name: str
    client: str
    faults: tuple[dict[str, Any], ...] = ()
    kills: tuple[tuple[str, KillPoint | None], ...] = ()
    """By function: the call at which a run of it dies; None where its calls are only noted."""
    starts_after: float = 0.0
    """Simulated seconds after the first one."""
    is_look: bool = False
    """Whether the door dies at the look at the drop, and not when its files arrive."""
    is_renewal: bool = False
    """Whether the function that ends the job dies when it renews the receipts, and not at the end."""
    act: Callable[[Matrix, Mapping[str, Any]], None] | None = None
    """What an operator does to its job, which is given as its record, when it is in the state ``acts_in``."""
    acts_in: JobState = JobState.RUNNING
    videos: int = 1
    number: int = field(default_factory=NUMBERS.__next__)

    @property
    def prompt(self) -> str:
        """The text by which this cell's job is recognised everywhere."""
        return f"Cell {self.number:03}. The girl of [Image 1] waves."

    @property
    def marker(self) -> str:
        """The text by which events are recognised before there is a job."""
        return f"cell-{self.number:03}" if self.client.startswith("s3") else f"Cell {self.number:03}"

    def text_for(self, function: str) -> str:
        """Return the text by which a function's events are recognised as this cell's, so that its run may be killed."""
        if self.is_renewal:
            return f'"renew", "job_id": "{self.job_id}"'
        if function not in DOORS:
            return self.job_id
        return json.dumps(f'"path": "{self.marker}"')[1:-1] if self.is_look else self.marker

    @property
    def has_key(self) -> bool:
        """Whether its client sends an Idempotency-Key; the other half's retries are recognised by their retry count."""
        return self.client == "https retried" and self.number % 2 == 1

    @property
    def job_id(self) -> str:
        """The id that the S3 door derives for this cell's drop."""
        identity = json.dumps([self.prompt, None], sort_keys=True)
        return job_id_of("s3", self.marker, identity, f"sha256:{hashlib.sha256(picture()).hexdigest()}")


def cells() -> list[Cell]:
    """Return every fault through every door with and without retries, every kill, and what operators do."""
    twos = pairs()
    drops = [*kills_of_drops(), *(cell for cell in twos if cell.is_look)]
    for number, cell in enumerate(drops):
        cell.starts_after = number * SECONDS_BETWEEN
    return [
        *drops,
        *[
            Cell(f"{function} {kill}", "https retried" if function in DOORS else "s3", kills=((function, kill),))
            for function, calls in CALLS.items()
            if function not in (TAKE_SLOT, RECONCILE)
            for kill in points_of(calls)
        ],
        *[
            Cell(f"renewal of receipts {kill}", "s3", kills=((FINISH, kill),), is_renewal=True)
            for kill in points_of(CALLS_OF_A_RENEWAL)
        ],
        *[
            Cell(f"{RECONCILE} {kill}", "s3", faults=(LOST,), kills=((RECONCILE, kill),))
            for kill in points_of(CALLS[RECONCILE])
        ],
        *[Cell(f"{fault['on']} {fault['kind']}, {by}", by, faults=(fault,)) for fault in FAULTS for by in CLIENTS],
        *bugs(),
        *(cell for cell in twos if not cell.is_look),
        *[Cell(f"stopped while running, {by}", by, act=stop) for by in ("https", "s3")],
        *[Cell(f"record of {version} while running", "s3", act=partial(write_as, version)) for version in VERSIONS],
    ]


def pairs() -> list[Cell]:
    """Give requests for two videos through both doors: kills of the door, and faults that one of them meets."""
    kills = [(by, kill) for by in ("https retried", "s3") for kill in KILLS_OF_TWO]
    return [
        *[Cell(f"two, {by}, {kill}", by, kills=((DOOR, kill),), is_look=by == "s3", videos=2) for by, kill in kills],
        *[Cell(f"two, {by}, lost reply", by, faults=(LOST,), videos=2) for by in ("https", "s3 five-fold")],
        Cell("two, s3, truncated download", "s3", faults=({"on": "download", "kind": "truncate"},), videos=2),
    ]


def bugs() -> list[Cell]:
    """Give a bug of each step after the payment, which is corrected after one run; in process there are many more."""
    return [
        Cell(f"{function} {point}", "s3", faults=(LOST,) if function == RECONCILE else (), kills=((function, point),))
        for function, point in BUGS
    ]


def crowds(cells: Sequence[Cell], limit: int) -> list[list[Cell]]:
    """Divide cells, in their order, into crowds of up to ``limit`` jobs."""
    found: list[list[Cell]] = [[]]
    for cell in cells:
        if sum(one.videos for one in found[-1]) + cell.videos > limit:
            found.append([])
        found[-1].append(cell)
    return found


def stop(matrix: Matrix, record: Mapping[str, Any]) -> None:
    """Stop the execution of a job."""
    machine = matrix.testbed.aws.outputs()["WorkflowArn"].replace(":stateMachine:", ":execution:")
    name = f"{record['id']}-{record['resumes']}" if record["resumes"] else record["id"]
    matrix.testbed.client("stepfunctions").stop_execution(executionArn=f"{machine}:{name}")


def write_as(version: str, matrix: Matrix, record: Mapping[str, Any]) -> None:
    """Leave of a job's record what a released version knew, as if the update came now."""
    known = json.loads((RECORDS / f"{version}.json").read_text(encoding="utf-8"))
    unknown = [name for name in record if name not in (*known, "pk", "sk", "is_open", "expires_at")]
    matrix.testbed.client("dynamodb").update_item(
        TableName=matrix.testbed.aws.outputs()["JobTableName"],
        Key={name: {"S": record[name]} for name in ("pk", "sk")},
        UpdateExpression="REMOVE " + ", ".join(f"#n{number}" for number in range(len(unknown))),
        ExpressionAttributeNames={f"#n{number}": name for number, name in enumerate(unknown)},
    )


def kills_of_take_slot() -> list[Cell]:
    """Give every kill of the function that takes a slot, to be run one by one: others would give a job its slot."""
    return [Cell(f"{TAKE_SLOT} {kill}", "s3", kills=((TAKE_SLOT, kill),)) for kill in points_of(CALLS[TAKE_SLOT])]


def kills_of_drops() -> list[Cell]:
    """Give every kill of the S3 door."""
    arrivals = [
        Cell(f"arrival of a drop {kill}", "s3", kills=((DOOR, kill),)) for kill in points_of(CALLS_OF_AN_ARRIVAL)
    ]
    looks = [
        Cell(f"look at a drop {kill}", "s3", kills=((DOOR, kill),), is_look=True) for kill in points_of(CALLS_OF_A_LOOK)
    ]
    return [*arrivals, *looks]


def counted() -> list[Cell]:
    """Give cells in which nobody dies, and calls are noted: one at a time, for a crowd makes others wait and ask."""
    steps = [name for name in CALLS if name not in (*DOORS, RECONCILE)]
    return [
        Cell("calls from an arrival on", "s3", kills=each_counted(DOOR, *steps)),
        Cell("calls of a request", "https", kills=each_counted(*DOORS)),
        Cell("calls of a look", "s3", kills=each_counted(DOOR), is_look=True),
        Cell("calls of a renewal", "s3", kills=each_counted(FINISH), is_renewal=True),
        Cell("calls of a reconciliation", "s3", faults=(LOST,), kills=each_counted(RECONCILE)),
    ]


def each_counted(*functions: str) -> tuple[tuple[str, None], ...]:
    """Let the calls of the functions be noted."""
    return tuple((function, None) for function in functions)


@dataclass(slots=True)
class Matrix:
    """Runs cells through a testbed, and reads their results."""

    testbed: Testbed
    caller: Caller
    fake: TargetedDashScope
    jobs: dict[str, list[Job]] = field(default_factory=dict)
    runs: dict[str, list[Cell]] = field(default_factory=dict)
    """By name of a cell: the cell, and those like it that were run because its fault had met nobody."""
    acted: set[int] = field(default_factory=set)
    """The numbers of cells to whose jobs an operator has done what he was to do."""
    late: set[int] = field(default_factory=set)
    """The numbers of cells that prove nothing, because the machine was too busy for the testbed's clock: their retry
    came too late to be one, or attempts in their lane took longer than Lambda would have let them."""
    patience_s: float = PATIENCE_S
    on_glance: Callable[[Matrix], None] = lambda _: None
    began_at: float = 0.0

    def run(self, cells: Sequence[Cell]) -> None:
        """Start every cell's job, and wait until all have ended."""
        self.caller.http.timeout = httpx.Timeout(POST_S)
        self.began_at = self.testbed.clock.now()
        wanted = len(self.records()) + sum(cell.videos for cell in cells)
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            list(pool.map(self._begin, cells))
        seen: list[dict[str, Any]] = []
        until, pace = time.monotonic() + self.patience_s, glances(every_s=GLANCE_S, patience_s=inf)
        while time.monotonic() < until:
            next(pace)
            self.on_glance(self)
            records = self.records()
            self._act(cells, records)
            if len(records) >= wanted and not any("is_open" in record for record in records):
                break
            if records != seen:
                seen, until = records, time.monotonic() + self.patience_s
        self.look()

    def _act(self, cells: Sequence[Cell], records: Sequence[Mapping[str, Any]]) -> None:
        """Do what operators do, to jobs that are in the state for it."""
        states = {record["request"]["prompt"]: record for record in records}
        for cell in (one for one in cells if one.act and one.number not in self.acted):
            record = states.get(cell.prompt)
            if cell.act and record and record["state"] == cell.acts_in.value:
                cell.act(self, record)
                self.acted.add(cell.number)

    def run_until_struck(self, cells: Sequence[Cell]) -> None:
        """Run cells together; each whose fault met nobody is run again, alone and as another job, until it does."""
        self.run(cells)
        self._drop_overtaken(cells)
        for cell in cells:
            runs = self.runs[cell.name] = [cell]
            while not self.has_struck(runs[-1]) and len(runs) < MAX_RUNS:
                runs.append(replace(cell, number=next(NUMBERS), starts_after=0.0))
                self.run(runs[-1:])
                self._drop_overtaken(runs[-1:])

    def _drop_overtaken(self, cells: Sequence[Cell]) -> None:
        """Let cells that went wrong count as late, if attempts of the same time took longer than their lease.

        On Lambda none does: the time-out of the function is shorter. Here the lease runs on the fast clock, and the
        function does not; two attempts may then be in a lane at a time, and their tasks look alike.
        """
        if any(self._is_overtaken(cell) for cell in cells):
            self.late |= {cell.number for cell in cells if not self._went_well(cell)}

    def _is_overtaken(self, cell: Cell) -> bool:
        began = [job.attempt.started_at for job in self.jobs.get(cell.prompt, []) if job.attempt]
        longest = ATTEMPT_SECONDS - SKEW_SECONDS
        return any(task["created_at"] - start > longest for task in self.tasks(cell) for start in began)

    def _went_well(self, cell: Cell) -> bool:
        succeeded = sorted(job.task_id for job in self.jobs.get(cell.prompt, []) if job.failure is None)
        return len(succeeded) == cell.videos and succeeded == sorted(task["task_id"] for task in self.tasks(cell))

    def has_struck(self, cell: Cell) -> bool:
        """Return whether every kill of a cell ended a run, its operator acted, and its retry came while it was one.

        A kill is missed where a run makes other calls than a plain one: a drop was not quiet yet, say, or the sweep was
        faster. Those that were missed are given up: their job has ended.
        """
        struck = [self._has_died(function, cell.text_for(function)) for function, _ in cell.kills]
        return all(struck) and cell.number not in self.late and (cell.act is None or cell.number in self.acted)

    def _has_died(self, function: str, text: str) -> bool:
        for _ in glances(POST_S, GLANCE_S):
            if self.testbed.aws.runtime.withdraw_kills(text):
                return False
            if any(kill.matching == text for kill in self.kills(function)):
                return True
            # A run that is to die has not ended yet.
        return False

    def kills(self, function: str) -> list[KillPlan]:
        """Return the kills that ended a run of a function."""
        return [run.kill for run in self.testbed.invocations(function) if run.has_struck and run.kill]

    def forget_slots(self) -> None:
        """Remove the pools of slots, so that the next job is again the first one of its lane; no job may run."""
        table = self.testbed.aws.outputs()["JobTableName"]
        for item in self.caller.items():
            if item["pk"] == SLOTS:
                key = {name: {"S": item[name]} for name in ("pk", "sk")}
                self.testbed.client("dynamodb").delete_item(TableName=table, Key=key)

    def look(self) -> None:
        """Read all jobs by prompt."""
        self.jobs.clear()
        for item in self.records():
            self.jobs.setdefault(item["request"]["prompt"], []).append(job_from(item))

    def send_again(self, cell: Cell) -> None:
        """Repeat a cell's request, as a late delivery does."""
        self._send(cell)

    def tasks(self, cell: Cell) -> list[dict[str, Any]]:
        """Return the vendor's tasks of a cell."""
        return [task for task in self.fake.ledger()["tasks"] if task["prompt"] == cell.prompt]

    def film(self, task_id: str) -> str:
        """Return the SHA-256 of the vendor's own video."""
        film = self.fake.vendor.film(self.fake.vendor.tasks[task_id])
        return hashlib.sha256(b"".join(film.read(0, film.size))).hexdigest()

    def digest(self, key: str) -> str:
        """Return the SHA-256 of an object in the results bucket."""
        return hashlib.sha256(self.caller.video(key)).hexdigest()

    def _begin(self, cell: Cell) -> None:
        self.testbed.clock.sleep(self.began_at + cell.starts_after - self.testbed.clock.now())
        for fault in cell.faults:
            self.fake.aim(cell.prompt, **fault)
        for function, point in cell.kills:
            self.testbed.aws.runtime.kill_at(function, point, cell.text_for(function))
        self._send(cell)

    def _send(self, cell: Cell) -> None:
        if cell.client.startswith("s3"):
            self._drop(cell)
            return
        began = self.testbed.clock.now()
        for number in range(POSTS if cell.client == "https retried" else 1):
            if self.testbed.clock.now() - began > RETRY_S:
                self.late.add(cell.number)
            self._post(cell, number)

    def _drop(self, cell: Cell) -> None:
        folder = cell.marker
        several = {f"{folder}/job.json": json.dumps({"n": cell.videos}).encode()} if cell.videos > 1 else {}
        self.caller.drop({**several, f"{folder}/1.jpg": picture(), f"{folder}/prompt.txt": cell.prompt.encode()})
        if cell.client == "s3 five-fold":
            sqs = self.testbed.client("sqs")
            (url,) = [url for url in sqs.list_queues()["QueueUrls"] if "DeadLetter" not in url]
            key = {"bucket": {"name": self.caller.at.inbox_bucket}, "object": {"key": f"drop/{folder}/prompt.txt"}}
            for _ in range(DELIVERIES - 1):
                sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"Records": [{"s3": key}]}))

    def _post(self, cell: Cell, number: int) -> None:
        body = {"prompt": cell.prompt, "images": ["https://example.com/girl.jpg"], "duration": 3}
        self.caller.create(body | ({"n": cell.videos} if cell.videos > 1 else {}), **self._repeats(cell, number))

    def _repeats(self, cell: Cell, number: int) -> dict[str, str]:
        marked = {"X-Cell": cell.marker}
        if cell.client == "https":
            return marked
        by_key = {"Idempotency-Key": f"key-{cell.number}"}
        by_count = {"X-Stainless-Retry-Count": str(number)}
        return marked | (by_key if cell.has_key else by_count)

    def records(self) -> list[dict[str, Any]]:
        """Read the records of all jobs."""
        return [item for item in self.caller.items() if item["sk"] == "JOB"]

"""The overhead of a job at real time, beside what a user would write.

On one testbed, with the same running times (80 s, deviation 25 %), at the same moments, three ways to the same videos:

- Gallop's HTTPS door, with the template's defaults, over four models, after 30 tasks of each kind;
- DashScope's SDK, which waits for the task, and an upload to S3;
- the usual Step Functions sample, which asks every 15 s.

For each: seconds from the request to the POST at DashScope, seconds from the task's end to the video in S3 (Gallop: to
``succeeded``), status queries per job, and the most of them within a second.
"""

from __future__ import annotations

import base64
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import dashscope
import httpx
import yaml
from gallop.adapters.table import dynamo
from gallop.adapters.table.job_items import job_from
from gallop.domain.scheduling.run_times import KEPT_TASKS, RunTimes

from fake_dashscope import Account, Limits, Switches
from fake_dashscope.clock import ScaledClock
from tests.bench.polling import Mix
from tests.e2e.caller import Caller
from tests.load.vendor import WatchedDashScope, most_within
from tests.support.pictures import picture
from tests.support.waiting import eventually
from tests.testbed.aws.account import REGION
from tests.testbed.aws.template import parsed, translate
from tests.testbed.stack import ROOT, Testbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fake_dashscope.order import Order
    from fake_dashscope.task import Task

JOBS, SECONDS_BETWEEN = 20, 2.0
# Jobs of each way before those that are measured, one per model: every function has run before.
WARM_UP, WARM_UP_SECONDS = 4, 3.0
PROCESSES = 3
TIMES = Mix("80 s ± 25 %", "720P", 5, ((80, 0.25),))
GALLOP, SDK, SAMPLE = WAYS = ("Gallop", "DashScope's SDK, upload to S3", "Step Functions, every 15 s")
KEYS = {GALLOP: "sk-gallop", SDK: "sk-sdk", SAMPLE: "sk-sample"}
MODELS = ("happyhorse-1.0-t2v", "happyhorse-1.1-t2v", "happyhorse-1.0-r2v", "happyhorse-1.1-r2v")
RESOLUTION, DURATION = "720P", 5
LENGTH = {"resolution": RESOLUTION, "duration": DURATION}
FUNCTIONS = ("Submit", "Authorize", "TakeSlot", "StartTask", "Status", "SaveResult", "Thumbnail", "Finish", "Sample")
# Other accounts have higher limits than five tasks per model; MaxInFlight keeps to the usual one.
LIMITS = Limits(running=JOBS * 2, submits=100, queries=100)
SAMPLE_RESOURCES = Path(__file__).parent / "sample" / "resources.yaml"


@dataclass(frozen=True, slots=True)
class Way:
    """One job by one way: when it was asked for, and when its video was there (epoch seconds)."""

    number: int
    requested: float
    ready: float


@dataclass(frozen=True, slots=True)
class WayFigures:
    """A way's seconds from the request to the POST, and from the task's end to the video; and its queries."""

    way: str
    to_post: float
    to_post_max: float
    to_video: float
    to_video_p95: float
    questions: float
    most_per_second: int


@dataclass(frozen=True, slots=True)
class Overhead:
    """Gallop first, then its peers."""

    jobs: int
    seconds: float
    ways: tuple[WayFigures, ...]


class Paced(WatchedDashScope):
    """A DashScope in which the tasks with the same number run equally long."""

    def __init__(self, times: list[float]) -> None:
        accounts = [Account(name=way, keys=(key,)) for way, key in KEYS.items()]
        super().__init__(ScaledClock(1.0), accounts, limits=LIMITS, switches=Switches(audio=False))
        self.times = times
        self.vendor._running_seconds = self._seconds_of  # type: ignore[method-assign] # noqa: SLF001 - the fake's own

    def _seconds_of(self, order: Order) -> float:
        return self.times[number_of(order.prompt)]


def number_of(prompt: str) -> int:
    """Return the number of a job by its prompt."""
    found = re.search(r"\d+", prompt)
    return int(found[0]) if found else 0


def prompt(number: int) -> str:
    """Return a job's prompt."""
    return f"Clip {number}: a girl waves."


def by_gallop(testbed: Testbed, number: int) -> Way:
    """Request a video at the HTTPS door; its record says later when it succeeded."""
    model = MODELS[number % len(MODELS)]
    body: dict[str, Any] = {"prompt": prompt(number), "model": model, **LENGTH}
    if model.endswith("r2v"):
        body["images"] = [f"data:image/jpeg;base64,{base64.b64encode(picture()).decode()}"]
    at, requested = testbed.coordinates, time.time()
    headers = {"Authorization": f"Bearer {at.api_key}"}
    httpx.post(f"{at.api_url}/v1/videos", json=body, headers=headers, timeout=60).raise_for_status()
    return Way(number, requested, 0.0)


def by_sdk(testbed: Testbed, number: int) -> Way:
    """Call DashScope's SDK, wait with it, and upload the video."""
    requested = time.time()
    task = dashscope.VideoSynthesis.async_call(
        api_key=KEYS[SDK],
        model=MODELS[0],
        prompt=prompt(number),
        resolution=RESOLUTION,
        duration=DURATION,
        watermark=False,
    )
    url = dashscope.VideoSynthesis.wait(task, api_key=KEYS[SDK]).output.video_url
    key = f"sdk/{number}.mp4"
    body = httpx.get(url, timeout=60).raise_for_status().content
    testbed.client("s3").put_object(Bucket=testbed.coordinates.results_bucket, Key=key, Body=body)
    return Way(number, requested, time.time())


def by_sample(testbed: Testbed, number: int) -> Way:
    """Start an execution of the sample, and wait for its end."""
    states, requested = testbed.client("stepfunctions"), time.time()
    arn = testbed.aws.deployment.resources["SampleWorkflow"].physical_id
    given = {"prompt": prompt(number), "model": MODELS[0], "parameters": {**LENGTH, "watermark": False}}
    execution = states.start_execution(stateMachineArn=arn, input=json.dumps(given))["executionArn"]
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        testbed.clock.sleep(1)
    return Way(number, requested, json.loads(found["output"])["saved_at"])


BY: dict[str, Callable[[Testbed, int], Way]] = {GALLOP: by_gallop, SDK: by_sdk, SAMPLE: by_sample}


def run(testbed: Testbed, numbers: range) -> dict[str, list[Way]]:
    """Start the jobs of all ways at the same moments, and wait for their ends."""
    dashscope.base_http_api_url = f"{testbed.coordinates.dashscope_url}/api/v1"
    with ThreadPoolExecutor(len(BY) * len(numbers)) as pool:
        started: dict[str, list[Any]] = {way: [] for way in WAYS}
        for number in numbers:
            for way, start in BY.items():
                started[way].append(pool.submit(start, testbed, number))
            testbed.clock.sleep(SECONDS_BETWEEN)
        ways = {way: [one.result() for one in all_started] for way, all_started in started.items()}
    return {**ways, GALLOP: list(succeeded(testbed, ways[GALLOP]))}


def succeeded(testbed: Testbed, ways: list[Way]) -> Iterator[Way]:
    """Yield Gallop's jobs with the time at which each has succeeded."""
    with Caller(testbed) as caller:
        eventually(lambda: not any("is_open" in item for item in caller.items()), every_s=1)
        found = [job_from(item) for item in caller.items() if item["sk"] == "JOB"]
    ended = {number_of(job.request.prompt): job.ended_at or 0.0 for job in found}
    yield from (Way(way.number, way.requested, ended[way.number]) for way in ways)


def taught(testbed: Testbed) -> None:
    """Let Gallop know how long the last tasks ran."""
    known = RunTimes(())
    for seconds in TIMES.times(KEPT_TASKS, draw=2):
        known = known.with_task(seconds)
    for model in MODELS:
        item = {"pk": "DURATIONS", "sk": f"{model}|720P|5", **known.as_map()}
        table = testbed.aws.outputs()["JobTableName"]
        testbed.client("dynamodb").put_item(TableName=table, Item=dynamo.pack(item))


def figures(fake: Paced, way: str, made: list[Way]) -> WayFigures:
    """Compute the figures of a way."""
    tasks: Mapping[int, Task] = {
        number: task
        for task in fake.tasks()
        if task.account.name == way and (number := number_of(task.order.prompt)) < JOBS
    }
    ids = {task.id for task in tasks.values()}
    asked = [visit.at for visit in fake.visits if visit.line.startswith("GET ") and visit.line.rsplit("/", 1)[1] in ids]
    before = [tasks[one.number].submitted - one.requested for one in made]
    after = sorted(one.ready - tasks[one.number].ended for one in made)
    return WayFigures(
        way=way,
        to_post=fmean(before),
        to_post_max=max(before),
        to_video=fmean(after),
        to_video_p95=after[int(0.95 * len(after))],
        questions=len(asked) / len(made),
        most_per_second=most_within(1.0, asked),
    )


def measure(say: Callable[[str], None]) -> Overhead:
    """Run the jobs of all ways."""
    say("starting the testbed")
    fake, source = (
        Paced([*TIMES.times(JOBS), *[WARM_UP_SECONDS] * WARM_UP]),
        parsed((ROOT / "template.yaml").read_text(encoding="utf-8")),
    )
    source["Resources"] |= yaml.safe_load(SAMPLE_RESOURCES.read_text(encoding="utf-8"))
    template, functions = translate(source, ROOT, REGION), tuple(f"{name}Function" for name in FUNCTIONS) * PROCESSES
    with Testbed(template, speed=1.0, fake=fake, prewarm=functions, max_processes=JOBS) as testbed:
        run(testbed, range(JOBS, JOBS + WARM_UP))
        taught(testbed)
        say(f"{JOBS} jobs of 80 s, three ways")
        began = time.monotonic()
        made = run(testbed, range(JOBS))
        took = time.monotonic() - began
        return Overhead(JOBS, took, tuple(figures(fake, way, made[way]) for way in WAYS))

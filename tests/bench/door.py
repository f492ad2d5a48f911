"""The HTTPS door under load, before and after: 32 connections create jobs, get them, and list them.

Two testbeds with functions as on Lambda, one of an earlier commit and one of these files, get the same requests in
turn, so that whatever else the machine does slows both. For each route there is the time that the client waited, which
on a laptop is mostly the testbed's, and the duration of the function, which Lambda would bill. Both sides are warm when
the clock starts. Each create also starts a job, whose first steps run beside the requests that follow, on both sides.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any

import httpx

from tests.bench.machine import ROOT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    Call = Callable[["Side", httpx.AsyncClient, int], Awaitable[httpx.Response]]

BEFORE = "13f1580"
"""The commit to compare with: the last one before this work began."""
BEFORE_FILES = ROOT / "out" / "bench" / BEFORE
SIDE = Path(__file__).with_name("door_side.py")
CONNECTIONS, ROUNDS = 32, 4
CREATES, GETS, LISTS = 200, 800, 400
FINE = (200, 202)


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds: the client's wait, and the function's duration."""

    p50: float
    p95: float
    function_p50: float
    function_p95: float


@dataclass(frozen=True, slots=True)
class Route:
    """A route on both sides."""

    name: str
    requests: int
    before: Times
    after: Times


@dataclass(frozen=True, slots=True)
class Door:
    """All routes; ``commit`` is the one before."""

    commit: str
    connections: int
    routes: tuple[Route, ...]


@dataclass(slots=True)
class Side:
    """A testbed, and what its clients have waited for."""

    process: subprocess.Popen[str]
    at: dict[str, Any]
    jobs: list[str] = field(default_factory=list)
    waited: dict[str, list[float]] = field(default_factory=dict)
    ran: dict[str, list[float]] = field(default_factory=dict)

    def durations(self, function: str) -> list[float]:
        """Return the milliseconds of a function's warm runs since the last question."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{function}\n")
        self.process.stdin.flush()
        found: list[float] = json.loads(self.process.stdout.readline())
        return found

    def times(self, route: str) -> Times:
        """Return a route's times."""
        return Times(*_p50_and_p95(self.waited[route]), *_p50_and_p95(self.ran[route]))


async def create(side: Side, client: httpx.AsyncClient, number: int) -> httpx.Response:
    """Create a job."""
    body = {"prompt": f"Number {number}: the woman of [Image 1] smiles.", "images": ["https://example.com/a.jpg"]}
    response = await client.post("/v1/videos", json=body)
    side.jobs.append(response.json()["id"])
    return response


async def get(side: Side, client: httpx.AsyncClient, number: int) -> httpx.Response:
    """Read a job."""
    return await client.get(f"/v1/videos/{side.jobs[number % len(side.jobs)]}")


async def read_list(side: Side, client: httpx.AsyncClient, number: int) -> httpx.Response:
    """Read a page of the list, starting after a job."""
    return await client.get(f"/v1/videos?after={side.jobs[number % len(side.jobs)]}")


ROUTES: tuple[tuple[str, str, int, Call], ...] = (
    ("POST /v1/videos", "SubmitFunction", CREATES, create),
    ("GET /v1/videos/{id}", "VideosFunction", GETS, get),
    ("GET /v1/videos", "VideosFunction", LISTS, read_list),
)


def measure(say: Callable[[str], None]) -> Door:
    """Send the same requests to both sides."""
    say("starting two testbeds")
    with ExitStack() as stack:
        sides = [stack.enter_context(running(files)) for files in (earlier(), ROOT)]
        for side in sides:
            warm_up(side, say)
        for route, function, count, call in ROUTES:
            for number in range(ROUNDS):
                for side in sides if number % 2 == 0 else reversed(sides):
                    say(f"{route}, round {number + 1} of {ROUNDS}")
                    asyncio.run(
                        all_at_once(side, route, range(count // ROUNDS * number, count // ROUNDS * (number + 1)), call)
                    )
                    side.ran.setdefault(route, []).extend(side.durations(function))
        before, after = sides
        routes = (Route(name, count, before.times(name), after.times(name)) for name, _, count, _ in ROUTES)
        return Door(BEFORE, CONNECTIONS, tuple(routes))


def warm_up(side: Side, say: Callable[[str], None]) -> None:
    """Let each process that a side's functions may have make its first runs: cold starts are measured elsewhere."""
    for route, function, _, call in ROUTES:
        say(f"{route}, warming up")
        asyncio.run(all_at_once(side, route, range(2 * CONNECTIONS), call))
        side.waited.clear()
        side.durations(function)


async def all_at_once(side: Side, route: str, numbers: range, call: Call) -> None:
    """Make calls, one at a time per connection."""
    waiting, waited = iter(numbers), side.waited.setdefault(route, [])
    limits = httpx.Limits(max_connections=CONNECTIONS)
    headers = {"Authorization": f"Bearer {side.at['api_key']}"}
    async with httpx.AsyncClient(base_url=side.at["api_url"], headers=headers, limits=limits, timeout=60) as client:

        async def caller() -> None:
            for number in waiting:
                began = time.perf_counter()
                response = await call(side, client, number)
                waited.append((time.perf_counter() - began) * 1000)
                if response.status_code not in FINE:
                    raise RuntimeError(f"{route}: {response.status_code} {response.text}")

        await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))


@contextmanager
def running(files: Path) -> Iterator[Side]:
    """Run the testbed of a tree of files."""
    folders = (files, files / "shared", files / "tests" / "testbed" / "fake_dashscope" / "src")
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    command, pipe = [sys.executable, "-P", str(SIDE)], subprocess.PIPE
    with subprocess.Popen(command, cwd=files, env=variables, text=True, stdin=pipe, stdout=pipe) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield Side(process, json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()


def earlier() -> Path:
    """Return the files of the earlier commit, which Git has."""
    if not (BEFORE_FILES / "template.yaml").exists():
        shutil.rmtree(BEFORE_FILES, ignore_errors=True)
        BEFORE_FILES.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["tar", "-x", "-C", str(BEFORE_FILES)], input=archive, check=True)
    return BEFORE_FILES


def _p50_and_p95(values: list[float]) -> tuple[float, float]:
    cuts = quantiles(values, n=20)
    return cuts[9], cuts[18]

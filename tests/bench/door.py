"""The HTTPS door under load: ``python -m tests.bench.door [CREATES READS CONNECTIONS]`` (200, 2,000, 32).

Starts a testbed with functions as on Lambda, then creates and reads over several connections at a time. For each route
it prints the number of requests, the duration of the function (which Lambda would bill), and the time that the client
waited, which on a laptop is mostly the testbed's. The exit code is 1 if any request failed.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import quantiles
from typing import TYPE_CHECKING

import httpx
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

FUNCTIONS = ("SubmitFunction", "VideosFunction")
SPEED = 1.0
FINE = (200, 202, 304)
REFUSALS_SHOWN = 5

Times = dict[str, list[float]]


@dataclass(slots=True)
class Crowd:
    """Clients that share some connections; records the status and duration of each response."""

    client: httpx.AsyncClient
    connections: int
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    answers: Counter[int] = field(default_factory=Counter)
    jobs: list[str] = field(default_factory=list)
    etags: dict[str, str] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    async def create(self, number: int) -> None:
        """Create a new job."""
        body = {"prompt": f"Number {number}: the woman of [Image 1] smiles.", "images": ["https://example.com/a.jpg"]}
        response = await self._ask("POST /v1/videos", "POST", "/v1/videos", json=body)
        if response.is_success:
            self.jobs.append(response.json()["id"])

    async def read(self, number: int) -> None:
        """Read a job."""
        response = await self._ask("GET /v1/videos/{id}", "GET", self._job(number))
        self.etags[self._job(number)] = response.headers.get("ETag", "")

    async def read_again(self, number: int) -> None:
        """Read a job that may be unchanged."""
        path = self._job(number)
        await self._ask(
            "GET /v1/videos/{id}, If-None-Match", "GET", path, headers={"If-None-Match": self.etags.get(path, '""')}
        )

    async def read_list(self, number: int) -> None:
        """Read a page of the list, starting after a job."""
        await self._ask("GET /v1/videos", "GET", f"/v1/videos?after={self.jobs[number % len(self.jobs)]}")

    def _job(self, number: int) -> str:
        return f"/v1/videos/{self.jobs[number % len(self.jobs)]}"

    async def all_at_once(self, count: int, call: Callable[[int], Coroutine[None, None, None]], what: str) -> None:
        """Make ``count`` calls, one at a time per connection."""
        numbers = iter(range(count))
        with Progress(transient=True) as progress:
            task = progress.add_task(what, total=count)

            async def caller() -> None:
                for number in numbers:
                    await call(number)
                    progress.advance(task)

            await asyncio.gather(*(caller() for _ in range(self.connections)))

    async def _ask(self, route: str, method: str, path: str, **more: object) -> httpx.Response:
        began = time.perf_counter()
        response = await self.client.request(method, path, **more)  # type: ignore[arg-type]
        self.seconds[route].append(time.perf_counter() - began)
        self.answers[response.status_code] += 1
        if response.status_code not in FINE:
            self.refusals.append(f"{response.status_code} {response.text}")
        return response


async def crowd(testbed: Testbed, creates: int, reads: int, connections: int) -> tuple[Crowd, Times]:
    """Send all requests; return the crowd, and the milliseconds of the functions' runs by route."""
    at = testbed.coordinates
    limits = httpx.Limits(max_connections=connections)
    headers = {"Authorization": f"Bearer {at.api_key}"}
    times: Times = {}
    async with httpx.AsyncClient(base_url=at.api_url, headers=headers, limits=limits, timeout=60) as client:
        callers = Crowd(client, connections)
        phases = (
            ("POST /v1/videos", "SubmitFunction", creates, callers.create),
            ("GET /v1/videos/{id}", "VideosFunction", reads // 2, callers.read),
            ("GET /v1/videos/{id}, If-None-Match", "VideosFunction", reads // 4, callers.read_again),
            ("GET /v1/videos", "VideosFunction", reads - reads // 2 - reads // 4, callers.read_list),
        )
        for route, function, count, call in phases:
            before = len(testbed.invocations(function))
            await callers.all_at_once(count, call, f"{count} times {route}")
            times[route] = [run.duration_ms for run in testbed.invocations(function)[before:] if not run.cold]
    return callers, times


def middle_and_tail(values: list[float]) -> str:
    """Format p50 and p95."""
    if len(values) < 2:
        return "-"
    cuts = quantiles(values, n=20)
    return f"{cuts[9]:.0f} / {cuts[18]:.0f}"


def main() -> int:
    """Run the benchmark and print the table; return the exit code."""
    creates, reads, connections = (int(word) for word in (sys.argv[1:] or ("200", "2000", "32")))
    with Testbed(speed=SPEED, prewarm=FUNCTIONS) as testbed:
        began = time.perf_counter()
        callers, functions = asyncio.run(crowd(testbed, creates, reads, connections))
        took = time.perf_counter() - began
    table = Table(title=f"{creates} creates, {reads} reads, {connections} connections: {took:.0f} s")
    for head in ("route", "requests", "function p50 / p95 (ms)", "client p50 / p95 (ms)"):
        table.add_column(head)
    for route, seconds in callers.seconds.items():
        waited = middle_and_tail([value * 1000 for value in seconds])
        table.add_row(route, str(len(seconds)), middle_and_tail(functions[route]), waited)
    Console().print(table, f"responses: {dict(callers.answers)}", *callers.refusals[:REFUSALS_SHOWN], sep="\n")
    return 1 if callers.refusals else 0


if __name__ == "__main__":
    sys.exit(main())

"""The speed of the fake DashScope: ``python -m tests.bench.vendor``.

Queries per second over HTTP, sent by a second process on four connections, for comparison: a server that always returns
a constant, the fake with one task, and the fake with 10,000. Then the duration of a complete round in one process, and
of rendering a video of each kind.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
from PIL import Image

from fake_dashscope import KEY, FakeDashScope, Limits, mounted, serve
from fake_dashscope.clock import ManualClock
from fake_dashscope.media import Medium
from fake_dashscope.render import Script, render

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ALIBABA = "https://dashscope-intl.aliyuncs.com"
SUBMIT = "/api/v1/services/aigc/video-generation/video-synthesis"
HEADERS = {"Authorization": f"Bearer {KEY}", "X-DashScope-Async": "enable"}
ORDER = {
    "model": "happyhorse-1.0-r2v",
    "input": {
        "prompt": "The woman of [Image 1]",
        "media": [{"type": "reference_image", "url": "https://example.com/girl.jpg"}],
    },
}
CONNECTIONS = 4
QUERIES = 4000
ROUNDS = 1000
MANY = 10_000
SIZE, FRAMES = (1280, 720), 120


class Constant(FakeDashScope):
    """Returns a constant response: measures the server without the fake."""

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Return the constant response."""
        return httpx.Response(200, headers={"x-path": request.url.path}, content=b"{}")


@contextmanager
def loaded(fake: FakeDashScope, tasks: int) -> Iterator[str]:
    """Serve a fake that has ``tasks`` tasks; yield the URL of a query."""
    task_id = "none"
    for _ in range(tasks):
        reply = fake.handle(httpx.Request("POST", ALIBABA + SUBMIT, json=ORDER, headers=HEADERS))
        task_id = reply.json()["output"]["task_id"]
    with serve(fake) as server:
        yield f"{server.api_url}/tasks/{task_id}"


def ask(url: str, queries: int) -> None:
    """Send queries, one after the other, on a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    for _ in range(queries):
        connection.request("GET", parts.path, headers=HEADERS)
        connection.getresponse().read()
    connection.close()


def load(url: str) -> None:
    """Send queries on several connections at a time; print queries per second."""
    ask(url, 10)
    workers = [threading.Thread(target=ask, args=(url, QUERIES // CONNECTIONS)) for _ in range(CONNECTIONS)]
    begun = perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(round(QUERIES / (perf_counter() - begun)))  # noqa: T201


def over_http(fake: FakeDashScope, tasks: int) -> str:
    """Measure queries per second from another process."""
    with loaded(fake, tasks) as url:
        command = [sys.executable, "-m", "tests.bench.vendor", url]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def in_process() -> float:
    """Measure milliseconds from submit to success through respx, without rendering."""
    clock = ManualClock()
    fake = FakeDashScope(clock)
    with mounted(fake), httpx.Client(headers=HEADERS, base_url=ALIBABA) as client:
        begun = perf_counter()
        for _ in range(ROUNDS):
            task_id = client.post(SUBMIT, json=ORDER).json()["output"]["task_id"]
            clock.advance(3600)
            assert "SUCCEEDED" in client.get(f"/api/v1/tasks/{task_id}").text
        return (perf_counter() - begun) / ROUNDS * 1000


def rendering() -> Iterator[tuple[str, float, float]]:
    """Measure seconds and seconds of CPU per video of 5 s at 720P, the median of three, by kind."""
    with tempfile.TemporaryDirectory() as folder:
        still, video, target = (Path(folder) / name for name in ("a.png", "a.mp4", "b.mp4"))
        Image.effect_noise((1600, 900), 40).convert("RGB").save(still)
        image = Medium("reference_image", "image", "", "", still, 1600, 900)
        frame = replace(image, type="first_frame")
        render(Script((image,), SIZE, FRAMES, watermark=True), video)
        clip = Medium("video", "video", "", "", video, *SIZE, 5.0)
        scripts = {
            "r2v, 1 image": Script((image,), SIZE, FRAMES, watermark=True),
            "r2v, 3 images": Script((image,) * 3, SIZE, FRAMES, watermark=True),
            "i2v": Script((frame,), SIZE, FRAMES, watermark=True),
            "t2v": Script((), SIZE, FRAMES, watermark=True),
            "edit": Script((clip,), SIZE, FRAMES, watermark=True, sound="origin", edited=clip),
        }
        for name, script in scripts.items():
            yield name, *sorted(_timed(script, target) for _ in range(3))[1]


def _timed(script: Script, target: Path) -> tuple[float, float]:
    begun, used = perf_counter(), process_time()
    render(script, target)
    return perf_counter() - begun, process_time() - used


def main() -> None:
    """Print the table."""
    rows = [
        ("HTTP, a constant reply", over_http(Constant(ManualClock()), 0)),
        ("HTTP, 1 task", over_http(FakeDashScope(ManualClock(), limits=Limits.none()), 1)),
        ("HTTP, 10,000 tasks", over_http(FakeDashScope(ManualClock(), limits=Limits.none()), MANY)),
    ]
    for name, figure in rows:
        print(f"{name:28}{figure:>8} queries/s")  # noqa: T201
    print(f"{'respx, submit to success':28}{in_process():>8.2f} ms per round")  # noqa: T201
    for kind, seconds, cpu in rendering():
        print(f"{f'render, {kind}':28}{seconds:>8.2f} s, {cpu:.2f} s of CPU")  # noqa: T201


if __name__ == "__main__":
    load(sys.argv[1]) if len(sys.argv) > 1 else main()

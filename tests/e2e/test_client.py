"""The client against a running testbed: real HTTP, signed forms and addresses that S3 checks, and real videos."""

from __future__ import annotations

import asyncio
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from gallop.client import AsyncGallop, Gallop, Job, Refused, Transfer

from tests.support.pictures import picture
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.caller import Caller

MB = 1024 * 1024
CALLS = (
    "POST /v1/uploads",
    "POST a bucket",
    "POST /v1/videos",
    "GET /v1/videos/{id}",
    "GET /v1/videos/{id}/content",
    "GET a bucket",
)


class Killed(BaseException):
    """The client's process died at a call."""


class Deadly(httpx.HTTPTransport):
    """A connection whose user dies at the first call of a kind, before it is made or after its answer came."""

    def __init__(self, at: str, *, is_after: bool) -> None:
        super().__init__()
        self.at, self.is_after = at, is_after

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Make a call."""
        is_last = self.at == re.sub(r"job_\w+", "{id}", f"{request.method} {request.url.path}")
        is_last |= self.at == f"{request.method} a bucket" and not request.url.path.startswith("/v1/")
        if is_last and not self.is_after:
            raise Killed
        response = super().handle_request(request)
        if is_last:
            response.close()
            raise Killed
        return response


def meanwhile(work: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever it returns
    """Do something in a thread, while the testbed's clock may jump."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(work)
        eventually(running.done, every_s=0.05)
        return running.result()


def images() -> list[bytes]:
    """Return two images that no request has room for, and one for which it has."""
    return [picture(shade=1) + bytes(4 * MB), picture(shade=2) + bytes(5 * MB), picture(shade=3)]


def check(caller: Caller, job: Job, path: Path) -> None:
    """Require that the file is the video of the job's only task."""
    assert job.video
    assert job.video.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    stored = caller.video(f"videos/{job.id}/video.mp4")
    assert stored == path.read_bytes()


def test_a_video_from_uploads(caller: Caller, tmp_path: Path) -> None:
    """Two uploads side by side and an image in the request, then the video and its thumbnail, whole."""
    uploads: dict[int, Transfer] = {}
    with Gallop(caller.at.api_url, caller.at.api_key) as client:
        assert 0.42 == client.price("[Image 3] smiles.", images=images(), duration=3).estimated_cost
        prompt = "The woman of [Image 3] smiles at the client."
        job = client.make(prompt, images=images(), duration=3, progress=lambda one: uploads.update({one.total: one}))
        assert {one.total: one.done for one in uploads.values()} == {len(one): len(one) for one in images()[:2]}
        done = meanwhile(lambda: client.wait(job))
        check(caller, done, client.download(done, tmp_path))
        eventually(lambda: client.get(job.id).thumbnail)
        thumbnail = client.download(job.id, tmp_path / "small.jpg", variant="thumbnail")
        assert b"\xff\xd8" == thumbnail.read_bytes()[:2]
        assert job.id in [one.id for one in client.list(status="succeeded")]
        assert 1 == len(caller.tasks_for(prompt))
        client.delete(job)
        with pytest.raises(Refused):
            client.get(job.id)


def test_with_await(caller: Caller, tmp_path: Path) -> None:
    """The same methods, over real HTTP."""
    prompt = "The woman of [Image 1] waves to the client."

    async def work() -> Job:
        async with AsyncGallop(caller.at.api_url, caller.at.api_key) as client:
            job = await client.make(prompt, images=images(), duration=3)
            done = await client.wait(job)
            await client.download(done, tmp_path / "wave.mp4")
            other = await client.make(prompt, images=images(), duration=3, again="once")
            cancelled = await client.cancel(other)
            assert cancelled.answer in ("cancelled", "too_late")
            assert other.id in [one.id async for one in client.list()]
            return done

    job = meanwhile(lambda: asyncio.run(work()))
    check(caller, job, tmp_path / "wave.mp4")


@pytest.mark.parametrize("is_after", [False, True])
def test_killed_at_each_call_and_run_again(caller: Caller, tmp_path: Path, *, is_after: bool) -> None:
    """One job, one task and one whole file, whichever call is the last of the first run."""

    def run(prompt: str, to: Path, transport: Deadly | None = None) -> Job:
        with Gallop(caller.at.api_url, caller.at.api_key, transport=transport) as client:
            job = client.wait(client.make(prompt, images=images()[:1], duration=3))
            client.download(job, to)
            return job

    for number, call in enumerate(CALLS):
        prompt, to = f"[Image 1] smiles at {call}, {is_after}.", tmp_path / f"{number}.mp4"
        deadly = Deadly(call, is_after=is_after)
        with pytest.raises(Killed):
            meanwhile(partial(run, prompt, to, deadly))
        assert not to.exists()
        job = meanwhile(partial(run, prompt, to))
        check(caller, job, to)
        assert 1 == len(caller.tasks_for(prompt))
        with Gallop(caller.at.api_url, caller.at.api_key) as client:
            assert [job.id] == [one.id for one in client.list() if one.prompt == prompt]

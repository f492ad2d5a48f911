"""The HTTPS door and the buckets of a sandbox, as a client reaches them: its jobs end while it waits for them."""

from __future__ import annotations

import email
import io
import re
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
from gallop.domain.job import JobState

from tests.support import gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.support.sandbox import Sandbox

MINUTES = 900
When = Literal["before", "after"]


class Killed(BaseException):
    """The client's process died at a call."""


@dataclass(slots=True)
class World:
    """What the client sees; ``calls`` are its requests, by method and path."""

    sandbox: Sandbox
    url: str
    key: str
    calls: list[str] = field(default_factory=list)
    kill: tuple[int, When] | None = None
    """At which call the client dies, and whether the call is made."""
    cut: int = 0
    """How many of the next downloads end in the middle."""

    def transport(self) -> httpx.MockTransport:
        """Return the way to the door and the buckets, with and without await."""
        return httpx.MockTransport(self._answer)

    def end(self, job_id: str) -> None:
        """Run a job through its steps."""
        self.sandbox.invoke("StartTaskFunction", {"job_id": job_id})
        self.sandbox.clock.advance(MINUTES)
        step = self.sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job_id})
        if step["next"] == "save":
            step = self.sandbox.invoke("SaveResultFunction", {"job_id": job_id})
        self.sandbox.invoke("FinishFunction", {"job_id": job_id, "step": step})
        self.sandbox.invoke("FinishFunction", {"job_id": job_id, "action": "renew"})

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(f"{request.method} {request.url.path}")
        kill, number = self.kill, len(self.calls)
        if kill == (number, "before"):
            raise Killed
        with redirect_stdout(io.StringIO()):
            answer = self._answered(request)
        if kill == (number, "after"):
            raise Killed
        return answer

    def _answered(self, request: httpx.Request) -> httpx.Response:
        if str(request.url).startswith(self.url):
            if "prefer" in request.headers:
                self._end_all()
            return self.sandbox.instead[self.url](request)
        assert "authorization" not in request.headers, "the key was sent to a bucket"
        return self._upload(request) if request.method == "POST" else self._download(request)

    def _end_all(self) -> None:
        for job in self.sandbox.jobs():
            if job.state is JobState.QUEUED:
                self.end(job.id)

    def _upload(self, request: httpx.Request) -> httpx.Response:
        """Store the file of a form, which is its last part."""
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        parts: Any = email.message_from_bytes(head + request.read()).get_payload()
        names = [part.get_param("name", header="content-disposition") for part in parts]
        assert "file" == names[-1]
        content = dict(zip(names, [part.get_payload(decode=True) for part in parts], strict=True))
        self.sandbox.drop(content["key"].decode(), content["file"])
        return httpx.Response(204)

    def _download(self, request: httpx.Request) -> httpx.Response:
        """Send a range of a result, or the beginning of it."""
        key = unquote(urlsplit(str(request.url)).path.lstrip("/"))
        assert parse_qs(request.url.query.decode())["X-Amz-Signature"]
        content = self.sandbox.result(key)
        first = int(re.findall(r"\d+", request.headers["range"])[0])
        data = content[first:]
        headers = {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
        is_cut, self.cut = self.cut > 0, self.cut - 1
        return httpx.Response(206, headers=headers, stream=Body(data[: len(data) // 2] if is_cut else data, is_cut))


@dataclass(slots=True)
class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in one piece, and whose connection may then break."""

    data: bytes
    is_cut: bool

    def __iter__(self) -> Iterator[bytes]:
        """Yield what comes."""
        yield self.data
        if self.is_cut:
            raise httpx.ReadError("reset")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield what comes."""
        for piece in self:
            yield piece


def opened(sandbox: Sandbox) -> Iterator[World]:
    """Open the door of a sandbox for one client."""
    with gateway.opened(sandbox) as url:
        yield World(sandbox, url, sandbox.mint("ada"))


def during(world: World, kill: tuple[int, When], work: Callable[[], object]) -> None:
    """Do something, and die at a call; the calls are counted from here."""
    world.calls.clear()
    world.kill = kill
    try:
        work()
    except Killed:
        pass
    else:
        raise AssertionError(f"nobody died: {world.calls}")
    finally:
        world.kill = None

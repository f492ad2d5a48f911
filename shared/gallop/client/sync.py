"""The client for programs without ``async``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from gallop import clock
from gallop.client import door, downloads, flows, reading, wire
from gallop.client.effects import Call, Effect, Pause, Reply

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Unpack

    from gallop.client.downloads import Variant
    from gallop.client.effects import Flow
    from gallop.client.jobs import Cancelled, Group, Job, Price, Transfer
    from gallop.client.requests import Options

T = TypeVar("T")


class Gallop:
    """A client of one stack; it may be used by several threads, and as a context.

    Each method may raise ``Unreachable`` and ``Refused`` (``gallop.client.errors``), after up to five tries; only other
    errors are listed.
    """

    def __init__(
        self, url: str | None = None, key: str | None = None, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        """Connect to a stack.

        Args:
            url: The stack's ``ApiUrl``; by default the environment variable GALLOP_URL.
            key: An API key; by default GALLOP_KEY.
            transport: How httpx sends requests, for proxies and tests.

        Raises:
            ValueError: The address or the key is missing, or cannot be used.

        """
        self._door = door.opened(url, key)
        wire.keep_addresses_out_of_logs()
        self._http = httpx.Client(timeout=wire.TIMEOUT, transport=transport, mounts=wire.NO_PROXY)

    def make(
        self,
        prompt: str = "",
        *,
        again: object = None,
        progress: Callable[[Transfer], object] | None = None,
        **options: Unpack[Options],
    ) -> Job:
        """Create a job, and return it as soon as it is recorded; ``wait`` then waits for its video.

        For 24 hours, the same content is the same job, also after a crash: the Idempotency-Key is a hash of everything
        here, with the bytes of the files. Files that a request has no room for are uploaded, four at a time.

        Args:
            prompt: What happens; ``[Image 1]`` is the first of ``images``. Required, except with a first frame.
            again: Anything, such as 2, for another video of the same content, which is charged again.
            progress: Called with each ``Transfer``, from several threads.
            **options: See ``Options``: ``images``, ``first_frame``, ``video``, ``duration`` (seconds), ... Each file is
                a path, bytes, or an address: a ``str`` that begins with ``https:``, ``s3:`` or ``data:``, or is the id
                of an upload. Any other ``str`` is a path.

        Raises:
            Unknown: The answer was lost. Repeat the call.
            OSError: A file cannot be read.

        """
        request = reading.read(prompt, options, again)
        return self._run(flows.make(self._door, request, progress))

    def make_group(
        self,
        prompt: str = "",
        *,
        n: int = 4,
        again: object = None,
        progress: Callable[[Transfer], object] | None = None,
        **options: Unpack[Options],
    ) -> Group:
        """Create a job for each of 2 to 4 videos of one request, all or none, to choose from; each is charged.

        Otherwise as ``make``. The jobs have different seeds: with ``seed``, that one and those that follow it. After
        that, each is on its own: ``wait``, ``download`` and ``cancel`` take the jobs of the group.

        Raises:
            ValueError: ``n`` is less than 2.
            Unknown: The answer was lost. Repeat the call.
            OSError: A file cannot be read.

        """
        request = reading.read_group(prompt, options, again, n)
        return self._run(flows.make_group(self._door, request, progress))

    def make_folder(
        self,
        path: str | os.PathLike[str],
        *,
        again: object = None,
        progress: Callable[[Transfer], object] | None = None,
    ) -> Job:
        """Create a job from a folder, by the rules of the S3 door: its images by name, ``prompt.txt``, ``job.json``.

        Otherwise as ``make``. ``Refused.faults`` name the files that are missing or wrong.
        """
        return self._run(flows.make(self._door, reading.read_folder(path, again), progress))

    def make_folder_group(
        self,
        path: str | os.PathLike[str],
        *,
        n: int | None = None,
        again: object = None,
        progress: Callable[[Transfer], object] | None = None,
    ) -> Group:
        """Create the jobs of a folder: ``n``, or as many as its ``job.json`` says. Otherwise as ``make_folder``."""
        return self._run(flows.make_group(self._door, reading.read_folder(path, again, n), progress))

    def price(
        self,
        prompt: str = "",
        *,
        n: int = 1,
        progress: Callable[[Transfer], object] | None = None,
        **options: Unpack[Options],
    ) -> Price:
        """Check a request as ``make`` does, and return its price in US dollars; makes nothing and costs nothing.

        It is that of all ``n`` videos. Large files are uploaded, and removed again after a day.
        """
        request = reading.read(prompt, options, None, n)
        return self._run(flows.price(self._door, request, progress))

    def price_folder(
        self,
        path: str | os.PathLike[str],
        *,
        n: int | None = 1,
        progress: Callable[[Transfer], object] | None = None,
    ) -> Price:
        """Check a folder as ``make_folder`` does, and return the price of ``n`` videos; None: as ``job.json`` says."""
        return self._run(flows.price(self._door, reading.read_folder(path, None, n), progress))

    def get(self, job_id: str) -> Job:
        """Return a job as it is now."""
        return self._run(flows.get(self._door, job_id))

    def group(self, group_id: str) -> Group:
        """Return the jobs of a group as they are now, without those that were deleted."""
        return self._run(flows.group(self._door, group_id))

    def wait(
        self, job: Job | str, *, seconds: float | None = None, progress: Callable[[Job], object] | None = None
    ) -> Job:
        """Wait until a job has succeeded, and return it.

        Args:
            job: A job or its id.
            seconds: How long to wait; None is as long as it takes.
            progress: Called with the job whenever it has changed.

        Raises:
            JobFailed: It ended without a video.
            TimeoutError: It has not ended within ``seconds``, and continues.

        """
        return self._run(flows.wait(self._door, flows.id_of(job), seconds, progress))

    def list(self, *, status: str = "") -> Iterator[Job]:
        """Yield your jobs, the newest first; ``status`` keeps those in a state, such as ``running``."""
        after = ""
        while True:
            found, after = self._run(flows.page(self._door, after, status))
            yield from found
            if not after:
                return

    def cancel(self, job: Job | str) -> Cancelled:
        """Cancel a job while that is possible; ``answer`` says whether it was.

        Raises:
            Unknown: The answer was lost. Repeat the call.

        """
        return self._run(flows.cancel(self._door, flows.id_of(job)))

    def cancel_group(self, group: Group | str) -> tuple[Cancelled, ...]:
        """Cancel each job of a group for which that is possible; each has its own answer.

        Raises:
            Unknown: The answer was lost. Repeat the call.

        """
        return self._run(flows.cancel_group(self._door, flows.id_of(group)))

    def delete(self, job: Job | str) -> None:
        """Delete a job that has ended, with its video and the images that no other job uses.

        A job that does not exist, or no longer, is no error.

        Raises:
            Unknown: The answer was lost. Repeat the call.

        """
        self._run(flows.delete(self._door, flows.id_of(job)))

    def download(
        self,
        job: Job | str,
        to: str | os.PathLike[str] = ".",
        *,
        variant: Variant = "video",
        progress: Callable[[Transfer], object] | None = None,
    ) -> Path:
        """Download the video of a job, or its thumbnail; return the file's path.

        The file gets its name when all of it is there and its SHA-256 is right; until then it is a hidden ``.part``
        file, which the next call continues. A file that is there already and right is not downloaded again; any other
        is replaced.

        Args:
            job: A job that has succeeded, or its id.
            to: The file, or an existing folder, where the file is named after the job.
            variant: ``video``; or ``thumbnail`` or ``signed``, which follow a few seconds after the video.
            progress: Called with each ``Transfer``.

        Raises:
            JobFailed: The job ended without a video.
            Corrupt: The file differs from the one that Gallop stored.
            OSError: The file cannot be written.

        """
        return self._run(downloads.download(self._door, job, to, variant, progress))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._door.url!r})"

    def _run(self, flow: Flow[T]) -> T:
        """Run a flow completely."""
        step: Callable[[], Effect] = partial(next, flow)
        try:
            while True:
                effect = step()
                try:
                    step = partial(flow.send, self._do(effect))
                except Exception as error:  # noqa: BLE001 - the flow decides
                    step = partial(flow.throw, error)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            flow.close()

    def _do(self, effect: Effect) -> Any:  # noqa: ANN401 - as the effect says
        match effect:
            case Call():
                return self._call(effect)
            case Pause(seconds):
                return clock.sleep(seconds)
        pool = ThreadPoolExecutor(wire.AT_A_TIME)
        try:
            return list(pool.map(self._run, effect.flows))
        finally:
            pool.shutdown(cancel_futures=True)

    def _call(self, call: Call) -> Reply:
        with wire.options(call) as options, self._http.stream(call.method, call.url, **options) as response:
            sink = call.sink_for and call.sink_for(response.status_code, response.headers)
            if sink:
                for piece in response.iter_raw():
                    sink(piece)
            content = b"" if call.sink_for else response.read()
            return Reply(response.status_code, response.headers, content)

"""The client for programs that use asyncio."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from gallop.client import door, downloads, flows, reading, wire
from gallop.client.effects import Call, Effect, Pause, Reply

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path
    from types import TracebackType
    from typing import Unpack

    from gallop.client.downloads import Variant
    from gallop.client.effects import Flow
    from gallop.client.jobs import Cancelled, Group, Job, Price, Transfer
    from gallop.client.requests import Options

T = TypeVar("T")


class AsyncGallop:
    """The same as ``Gallop`` with ``await``: arguments, results and errors are described there.

    Files are hashed in another thread. Callbacks are called in the event loop, and must return quickly.
    """

    def __init__(
        self, url: str | None = None, key: str | None = None, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """Connect to a stack, as ``Gallop`` does."""
        self._door = door.opened(url, key)
        wire.keep_addresses_out_of_logs()
        self._http = httpx.AsyncClient(timeout=wire.TIMEOUT, transport=transport, mounts=wire.NO_PROXY)

    async def make(
        self,
        prompt: str = "",
        *,
        again: object = None,
        progress: Callable[[Transfer], object] | None = None,
        **options: Unpack[Options],
    ) -> Job:
        """Create a job: see ``Gallop.make``."""
        request = await asyncio.to_thread(reading.read, prompt, options, again)
        return await self._run(flows.make(self._door, request, progress))

    async def make_group(
        self,
        prompt: str = "",
        *,
        n: int = 4,
        again: object = None,
        progress: Callable[[Transfer], object] | None = None,
        **options: Unpack[Options],
    ) -> Group:
        """Create a job for each of several videos of one request: see ``Gallop.make_group``."""
        request = await asyncio.to_thread(reading.read_group, prompt, options, again, n)
        return await self._run(flows.make_group(self._door, request, progress))

    async def make_folder(
        self,
        path: str | os.PathLike[str],
        *,
        again: object = None,
        progress: Callable[[Transfer], object] | None = None,
    ) -> Job:
        """Create a job from a folder: see ``Gallop.make_folder``."""
        request = await asyncio.to_thread(reading.read_folder, path, again)
        return await self._run(flows.make(self._door, request, progress))

    async def make_folder_group(
        self,
        path: str | os.PathLike[str],
        *,
        n: int | None = None,
        again: object = None,
        progress: Callable[[Transfer], object] | None = None,
    ) -> Group:
        """Create the jobs of a folder: see ``Gallop.make_folder_group``."""
        request = await asyncio.to_thread(reading.read_folder, path, again, n)
        return await self._run(flows.make_group(self._door, request, progress))

    async def price(
        self,
        prompt: str = "",
        *,
        n: int = 1,
        progress: Callable[[Transfer], object] | None = None,
        **options: Unpack[Options],
    ) -> Price:
        """Return the price of a request: see ``Gallop.price``."""
        request = await asyncio.to_thread(reading.read, prompt, options, None, n)
        return await self._run(flows.price(self._door, request, progress))

    async def price_folder(
        self,
        path: str | os.PathLike[str],
        *,
        n: int | None = 1,
        progress: Callable[[Transfer], object] | None = None,
    ) -> Price:
        """Return the price of a folder: see ``Gallop.price_folder``."""
        request = await asyncio.to_thread(reading.read_folder, path, None, n)
        return await self._run(flows.price(self._door, request, progress))

    async def get(self, job_id: str) -> Job:
        """Return a job as it is now: see ``Gallop.get``."""
        return await self._run(flows.get(self._door, job_id))

    async def group(self, group_id: str) -> Group:
        """Return the jobs of a group: see ``Gallop.group``."""
        return await self._run(flows.group(self._door, group_id))

    async def wait(
        self, job: Job | str, *, seconds: float | None = None, progress: Callable[[Job], object] | None = None
    ) -> Job:
        """Wait until a job has succeeded: see ``Gallop.wait``."""
        return await self._run(flows.wait(self._door, flows.id_of(job), seconds, progress))

    async def list(self, *, status: str = "") -> AsyncIterator[Job]:
        """Yield your jobs, the newest first: see ``Gallop.list``."""
        after = ""
        while True:
            found, after = await self._run(flows.page(self._door, after, status))
            for job in found:
                yield job
            if not after:
                return

    async def cancel(self, job: Job | str) -> Cancelled:
        """Cancel a job while that is possible: see ``Gallop.cancel``."""
        return await self._run(flows.cancel(self._door, flows.id_of(job)))

    async def cancel_group(self, group: Group | str) -> tuple[Cancelled, ...]:
        """Cancel each job of a group: see ``Gallop.cancel_group``."""
        return await self._run(flows.cancel_group(self._door, flows.id_of(group)))

    async def delete(self, job: Job | str) -> None:
        """Delete a job that has ended: see ``Gallop.delete``."""
        await self._run(flows.delete(self._door, flows.id_of(job)))

    async def download(
        self,
        job: Job | str,
        to: str | os.PathLike[str] = ".",
        *,
        variant: Variant = "video",
        progress: Callable[[Transfer], object] | None = None,
    ) -> Path:
        """Download the video of a job, or its thumbnail: see ``Gallop.download``."""
        return await self._run(downloads.download(self._door, job, to, variant, progress))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._door.url!r})"

    async def _run(self, flow: Flow[T]) -> T:
        """Run a flow completely."""
        step: Callable[[], Effect] = partial(next, flow)
        try:
            while True:
                effect = step()
                try:
                    step = partial(flow.send, await self._do(effect))
                except Exception as error:  # noqa: BLE001 - the flow decides
                    step = partial(flow.throw, error)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            flow.close()

    async def _do(self, effect: Effect) -> Any:  # noqa: ANN401 - as the effect says
        match effect:
            case Call():
                return await self._call(effect)
            case Pause(seconds):
                return await asyncio.sleep(seconds)
        room = asyncio.Semaphore(wire.AT_A_TIME)

        async def one(flow: Flow[Any]) -> Any:  # noqa: ANN401 - as the flow says
            async with room:
                return await self._run(flow)

        tasks = [asyncio.ensure_future(one(flow)) for flow in effect.flows]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def _call(self, call: Call) -> Reply:
        with wire.options(call) as options:
            async with self._http.stream(call.method, call.url, **options) as response:
                sink = call.sink_for and call.sink_for(response.status_code, response.headers)
                if sink:
                    async for piece in response.aiter_raw():
                        sink(piece)
                content = b"" if call.sink_for else await response.aread()
                return Reply(response.status_code, response.headers, content)

"""The client with await does what the one without does."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING

import pytest
from gallop.client import AsyncGallop, Gallop, Refused

from tests.functional.client.test_client import PROMPT, large, sha256_of
from tests.functional.client.world import during
from tests.support.pictures import picture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.client.world import World


def test_both_have_the_same_methods() -> None:
    """With the same arguments, so that one page describes both."""
    for name, method in inspect.getmembers(Gallop, inspect.isfunction):
        if not name.startswith("_"):
            found = inspect.signature(getattr(AsyncGallop, name)).parameters
            assert [*inspect.signature(method).parameters.values()] == [*found.values()], name


def test_every_method_with_await(world: World, tmp_path: Path) -> None:
    """An upload, a wait, an interrupted download, the list, a cancel, a delete, and the context."""
    folder = tmp_path / "spring"
    folder.mkdir()
    (folder / "1.jpg").write_bytes(large())
    (folder / "prompt.txt").write_text(PROMPT, encoding="utf-8")

    async def work() -> None:
        async with AsyncGallop(world.url, world.key, transport=world.transport()) as client:
            assert 0.7 == (await client.price_folder(folder)).estimated_cost
            assert 0.42 == (await client.price(PROMPT, images=[picture()], duration=3)).estimated_cost
            job = await client.wait(await client.make_folder(folder))
            world.cut = 1
            saved = await client.download(job, tmp_path)
            assert job.video
            assert job.video.sha256 == sha256_of(saved)
            other = await client.make(PROMPT, images=[folder / "1.jpg"])
            assert (job.id, True) == (other.id, other.is_repeated)
            assert [job.id] == [one.id async for one in client.list()]
            assert "already_finished" == (await client.cancel(job)).answer
            await client.delete(job)
            with pytest.raises(Refused):
                await client.get(job.id)

    asyncio.run(work())


def test_killed_and_run_again_with_await(world: World, tmp_path: Path) -> None:
    """A lost answer to the create is one job."""

    def run() -> None:
        async def work() -> None:
            async with AsyncGallop(world.url, world.key, transport=world.transport()) as client:
                await client.download(await client.wait(await client.make("A girl smiles.")), tmp_path / "girl.mp4")

        asyncio.run(work())

    during(world, (1, "after"), run)
    run()
    (task,) = world.sandbox.tasks()
    assert world.sandbox.film_of(task["task_id"]) == sha256_of(tmp_path / "girl.mp4")

"""The official ``dashscope`` package, unmodified, at Gallop's door: only its host and its key are changed.

Its replies are compared, key for key, with those of the fake DashScope for the same calls.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import dashscope
import httpx
import pytest
from dashscope import VideoSynthesis
from dashscope.aigc.video_synthesis import AioVideoSynthesis
from dashscope.v2 import errors as v2_errors

from tests.support.lossy import Lossy
from tests.support.package import run
from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.caller import Caller

MODEL = "happyhorse-1.0-r2v"
TOO_LATE = "Failed to cancel the task, please confirm if the task is in PENDING status."


@pytest.fixture(scope="module")
def way(caller: Caller) -> Iterator[Lossy]:
    """Yield the connection from the package to Gallop."""
    with Lossy(caller.at.api_url) as way:
        yield way


@pytest.fixture
def at_gallop(way: Lossy, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> Lossy:
    """Point the package at Gallop, as its users do: host and key."""
    monkeypatch.setattr(dashscope, "base_http_api_url", f"{way.url}/api/v1")
    monkeypatch.setattr(dashscope, "api_key", caller.at.api_key)
    return way


@pytest.fixture
def client(way: Lossy, caller: Caller) -> Iterator[Any]:
    """Yield the package's new client, pointed at Gallop."""
    with dashscope.Client(base_url=f"{way.url}/api/v1", api_key=caller.at.api_key) as client:
        yield client


def wanted(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - any argument
    """Return the arguments of a call that succeeds, and that differs from all others."""
    media = [{"type": "reference_image", "url": data_uri(picture())}]
    prompt = f"The woman of [Image 1] smiles, {uuid4()}."
    return {"model": MODEL, "prompt": prompt, "media": media, "resolution": "720P", "duration": 3, **more}


def shape(value: object) -> object:
    """Return the keys of a reply, at any depth."""
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else None


def from_vendor(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the package at the fake DashScope itself."""
    monkeypatch.setattr(dashscope, "base_http_api_url", f"{caller.at.dashscope_url}/api/v1")
    monkeypatch.setattr(dashscope, "api_key", caller.at.dashscope_api_key)


def assert_ours(caller: Caller, url: str) -> None:
    """Assert that the address returns a video in the user's own bucket."""
    assert caller.at.results_bucket in url
    assert b"ftyp" == httpx.get(url, timeout=30).content[4:8]


@pytest.mark.usefixtures("at_gallop")
def test_call_returns_a_video_in_the_users_bucket(caller: Caller) -> None:
    """``VideoSynthesis.call`` submits, waits and returns an address; one task was charged."""
    order = wanted()
    reply = VideoSynthesis.call(**order)
    assert 200 == reply.status_code
    assert "SUCCEEDED" == reply.output.task_status
    assert order["prompt"] == reply.output["orig_prompt"]
    assert_ours(caller, reply.output.video_url)
    assert (3, 720) == (reply.usage["duration"], reply.usage["SR"])
    assert 1 == len(caller.tasks_for(order["prompt"]))
    job = caller.http.get(f"/v1/videos/{reply.output.task_id}").json()
    assert "succeeded" == job["state"]
    assert job["watermark"] is True
    assert "720P" == job["resolution"]


@pytest.mark.usefixtures("at_gallop")
def test_replies_equal_dashscopes(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """For submit, success, unknown task and refusals: the same keys, codes and statuses; a success has a provenance."""
    calls: dict[str, Callable[[], Any]] = {
        "submit": lambda: VideoSynthesis.async_call(**wanted()),
        "call": lambda: VideoSynthesis.call(**wanted()),
        "unknown": lambda: VideoSynthesis.fetch("no-such-task"),
        "cancel unknown": lambda: VideoSynthesis.cancel("no-such-task"),
        "bad parameter": lambda: VideoSynthesis.async_call(**wanted(duration=2)),
        "no media": lambda: VideoSynthesis.async_call(**wanted(media=[])),
        "no model": lambda: VideoSynthesis.async_call(**wanted(model="no-such-model")),
        "wrong key": lambda: VideoSynthesis.async_call(**wanted(api_key="sk-wrong")),
    }
    ours = {name: call() for name, call in calls.items()}
    assert ours["call"].output.pop("provenance")
    from_vendor(caller, monkeypatch)
    for name, call in calls.items():
        theirs = call()
        assert theirs.status_code == ours[name].status_code, name
        assert theirs.code == ours[name].code, name
        assert shape(theirs.output) == shape(ours[name].output), name
        assert shape(theirs.usage) == shape(ours[name].usage), name


@pytest.mark.usefixtures("at_gallop")
def test_fetch_and_wait_find_the_task() -> None:
    """Both work by reply and by id, any number of times."""
    submitted = VideoSynthesis.async_call(**wanted())
    task_id = submitted.output.task_id
    assert (200, "PENDING") == (submitted.status_code, submitted.output.task_status)
    assert task_id == VideoSynthesis.fetch(submitted).output.task_id == VideoSynthesis.fetch(task_id).output.task_id
    assert "SUCCEEDED" == VideoSynthesis.wait(task_id).output.task_status
    assert "SUCCEEDED" == VideoSynthesis.wait(submitted).output.task_status
    late = VideoSynthesis.cancel(submitted)
    assert 400 == late.status_code
    assert "UnsupportedOperation" == late.code
    assert TOO_LATE == late.message


@pytest.mark.usefixtures("at_gallop")
def test_the_asynchronous_twins_do_the_same(caller: Caller) -> None:
    """They query paths with a trailing slash."""

    async def story() -> tuple[Any, ...]:
        submitted = await AioVideoSynthesis.async_call(**wanted())
        fetched = await AioVideoSynthesis.fetch(submitted)
        waited = await AioVideoSynthesis.wait(submitted)
        return submitted, fetched, waited, await AioVideoSynthesis.cancel(submitted)

    submitted, fetched, waited, cancelled = run(story())
    assert 1 == len({reply.output.task_id for reply in (submitted, fetched, waited)})
    assert_ours(caller, waited.output.video_url)
    assert (400, "UnsupportedOperation") == (cancelled.status_code, cancelled.code), cancelled


def test_the_new_client_returns_a_video_in_the_users_bucket(client: Any, caller: Caller) -> None:  # noqa: ANN401
    """``Client.videos`` submits, waits and returns the address; its times are in order."""
    job = client.videos.generate(**wanted())
    assert job.succeeded
    assert_ours(caller, job.video_url)
    assert job.submitted_at < job.scheduled_at < job.finished_at


def test_the_new_asynchronous_client_does_the_same(way: Lossy, caller: Caller) -> None:
    """The client is ``AsyncClient.videos``."""

    async def story() -> Any:  # noqa: ANN401
        async with dashscope.AsyncClient(base_url=f"{way.url}/api/v1", api_key=caller.at.api_key) as client:
            return await client.videos.generate(**wanted())

    assert_ours(caller, asyncio.run(story()).video_url)


def test_the_new_client_raises_as_with_dashscope(client: Any, caller: Caller) -> None:  # noqa: ANN401
    """Refusals and failed tasks are exceptions of the package's own tree."""
    with pytest.raises(v2_errors.BadRequestError, match="resolution"):
        client.videos.jobs.create(**wanted(resolution="8K"))
    with pytest.raises(v2_errors.AuthenticationError):
        client.videos.jobs.create(**wanted(), api_key="sk-wrong")
    order = wanted()
    caller.testbed.dashscope.fault(on="task", kind="fail", code="DataInspectionFailed", message="Not this.")
    with pytest.raises(v2_errors.DashScopeError, match="Not this"):
        client.videos.generate(**order)


def test_a_lost_reply_is_one_job_and_one_task(at_gallop: Lossy, caller: Caller) -> None:
    """1.x POSTs again when its connection is dropped: at DashScope these are two charged tasks, here one."""
    order = wanted()
    at_gallop.lose("dropped")
    reply = VideoSynthesis.call(**order)
    assert ("SUCCEEDED", 2) == (reply.output.task_status, at_gallop.posts)
    assert 1 == len(caller.tasks_for(order["prompt"]))


@pytest.mark.parametrize("loss", ["dropped", "error"])
def test_two_lost_replies_are_one_job_and_one_task(client: Any, way: Lossy, caller: Caller, loss: Any) -> None:  # noqa: ANN401
    """The new client POSTs three times when replies are lost or a 500: at DashScope three charged tasks, here one."""
    order = wanted()
    way.lose(loss, loss)
    job = client.videos.generate(**order)
    assert (True, 3) == (job.succeeded, way.posts)
    assert 1 == len(caller.tasks_for(order["prompt"]))


@pytest.mark.usefixtures("at_gallop")
def test_lists_are_the_raw_page(client: Any, caller: Caller) -> None:  # noqa: ANN401
    """1.x, its asynchronous twin and the new client see the same tasks; the new client reads another field."""
    task_id = VideoSynthesis.async_call(**wanted()).output.task_id
    page = VideoSynthesis.list(model_name=MODEL, page_size=2)  # type: ignore[attr-defined]
    twin = run(AioVideoSynthesis.list(model_name=MODEL, page_size=2))
    assert [task_id, task_id] == [reply.output["data"][0]["task_id"] for reply in (page, twin)]
    assert page.output["total"] == twin.output["total"] == client.videos.jobs.list(model_name=MODEL).total
    caller.wait_for_job(task_id)


@pytest.mark.usefixtures("at_gallop")
def test_a_task_that_waits_is_cancelled(caller: Caller) -> None:
    """It is the last test because it fills DashScope's capacity; the waiting job is cancelled."""
    caller.testbed.dashscope.fault(on="task", kind="never_ends", times=5)
    replies = [VideoSynthesis.async_call(**wanted(seed=seed)) for seed in range(6)]
    for reply in replies:
        caller.wait_until_running(reply.output.task_id)
    cancelled = [reply for reply in replies if VideoSynthesis.cancel(reply).status_code == 200]
    assert ["CANCELED"] == [VideoSynthesis.fetch(reply).output.task_status for reply in cancelled]

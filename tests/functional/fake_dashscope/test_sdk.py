"""The official ``dashscope`` package, unmodified, drives the HTTP face as if it were DashScope.

Where the package itself is wrong, the test's name begins with ``test_sdk_bug``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import dashscope
import httpx
import pytest
from dashscope import VideoSynthesis
from dashscope.aigc.video_synthesis import AioVideoSynthesis
from dashscope.v2 import errors as v2_errors

from fake_dashscope import KEY, WAN_3_0, FakeDashScope, Limits, Switches, serve
from fake_dashscope.clock import ScaledClock
from tests.functional.fake_dashscope.clips import clip
from tests.functional.fake_dashscope.origin import GREEN, RED, picture
from tests.functional.fake_dashscope.sandbox import R2V, until
from tests.support.package import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fake_dashscope.server import Server
    from tests.functional.fake_dashscope.origin import Origin

PROMPT = "The woman of [Image 1]"
SPEED = 100
INPUTS = {"first_frame": picture(GREEN, (600, 900)), "video": clip()}


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[FakeDashScope, Server]]:
    """Serve a fake whose tasks are done by the time the package asks for the first time."""
    switches = Switches(task_seconds=0.05, render_ahead=False)
    fake = FakeDashScope(ScaledClock(SPEED), limits=Limits.none(), switches=switches)
    with serve(fake) as server:
        yield fake, server


@pytest.fixture
def fake(running: tuple[FakeDashScope, Server], monkeypatch: pytest.MonkeyPatch) -> FakeDashScope:
    """Point the package at the fake, as its users do."""
    fake, server = running
    fake.reset()
    monkeypatch.setattr(dashscope, "base_http_api_url", server.api_url)
    monkeypatch.setattr(dashscope, "api_key", KEY)
    return fake


@pytest.fixture
def client(running: tuple[FakeDashScope, Server], fake: FakeDashScope) -> Iterator[Any]:
    """Yield the package's new client."""
    assert fake is running[0]
    with dashscope.Client(base_url=running[1].api_url, api_key=KEY) as client:
        yield client


def media(*urls: str) -> list[dict[str, str]]:
    """Give reference images as the package wants them."""
    return [{"type": "reference_image", "url": url} for url in urls or ("https://example.com/girl.jpg",)]


def wanted(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the arguments of a call that succeeds."""
    return {"model": R2V, "prompt": PROMPT, "media": media(), "resolution": "720P", "duration": 3, **more}


def of_each_kind(origin: Origin) -> dict[str, dict[str, Any]]:
    """Return the arguments of a call to each model, and to one that a row has added."""
    frame, video = ({"type": kind, "url": origin.add(kind, body)} for kind, body in INPUTS.items())
    shared: dict[str, Any] = {"prompt": PROMPT, "resolution": "720P"}
    rows: dict[str, dict[str, Any]] = {
        "happyhorse-{}-t2v": {"ratio": "9:16", "duration": 3},
        "happyhorse-{}-i2v": {"media": [frame], "duration": 3},
        "happyhorse-{}-r2v": {"media": media(origin.url("red.png")), "duration": 3},
    }
    calls = {name.format(version): {**shared, **row} for name, row in rows.items() for version in ("1.0", "1.1")}
    edit = {"media": [video, *media(origin.url("red.png"))], "audio_setting": "origin"}
    last = {"type": "last_frame", "url": frame["url"]}
    added = {"media": [frame, last], "ratio": "adaptive", "duration": 2, "audio": False}
    return {**calls, "happyhorse-1.0-video-edit": {**shared, **edit}, "wan3.0-video": {**shared, **added}}


def assert_each_kind_was_made(fake: FakeDashScope, calls: dict[str, dict[str, Any]]) -> None:
    """Assert that each call was one task that reached the fake as it was meant, and was billed."""
    tasks = {task["model"]: task for task in fake.ledger()["tasks"]}
    assert set(calls) == set(tasks)
    for model, task in tasks.items():
        assert "SUCCEEDED" == task["status"], model
        assert calls[model].get("media", []) == task["media"], model
        asked = {name: calls[model][name] for name in calls[model].keys() - {"prompt", "media"}}
        assert asked.items() <= task["parameters"].items(), model
    seconds = {model: task["billed_seconds"] for model, task in tasks.items()}
    assert {**dict.fromkeys(calls, 3), "happyhorse-1.0-video-edit": 6, "wan3.0-video": 2} == seconds


def test_every_kind_is_made_by_the_package(fake: FakeDashScope, origin: Origin) -> None:
    """``VideoSynthesis`` makes a video of each model."""
    fake.add_model(WAN_3_0)
    calls = of_each_kind(origin)
    submitted = [VideoSynthesis.async_call(model=model, **arguments) for model, arguments in calls.items()]
    assert {"SUCCEEDED"} == {VideoSynthesis.wait(reply).output.task_status for reply in submitted}
    assert_each_kind_was_made(fake, calls)


def test_every_kind_is_made_by_the_new_client(client: Any, fake: FakeDashScope, origin: Origin) -> None:  # noqa: ANN401
    """``Client.videos`` makes a video of each model."""
    fake.add_model(WAN_3_0)
    calls = of_each_kind(origin)
    submitted = [
        client.videos.jobs.create(
            model=model,
            prompt=arguments["prompt"],
            media=arguments.get("media"),
            parameters={name: value for name, value in arguments.items() if name not in {"prompt", "media"}},
        )
        for model, arguments in calls.items()
    ]
    assert all(client.videos.jobs.wait(job, poll_interval=0.01).succeeded for job in submitted)
    assert_each_kind_was_made(fake, calls)


def test_a_local_video_is_uploaded_and_edited(fake: FakeDashScope, tmp_path: Path) -> None:
    """The package uploads a video as it does a picture."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip())
    video = [{"type": "video", "url": f"file://{path}"}]
    reply = VideoSynthesis.call(model="happyhorse-1.0-video-edit", prompt=PROMPT, media=video, resolution="720P")
    assert 6 == reply.usage["duration"]
    assert 1 == fake.ledger()["requests"]["upload"]


def posts(fake: FakeDashScope) -> int:
    """Count the submits that arrived."""
    count: int = fake.ledger()["requests"]["submit"]
    return count


def keep_pending(fake: FakeDashScope) -> str:
    """Occupy all running tasks, so that the next one stays PENDING; returns its id."""
    fake.fault(on="task", kind="never_ends", times=5)
    for _ in range(5):
        VideoSynthesis.async_call(**wanted())
    task_id: str = VideoSynthesis.async_call(**wanted()).output.task_id
    return task_id


def test_call_gives_a_video(fake: FakeDashScope) -> None:
    """``VideoSynthesis.call`` submits, waits and gives the URL; the fake saw one submit."""
    reply = VideoSynthesis.call(**wanted())
    assert (200, "SUCCEEDED") == (reply.status_code, reply.output.task_status)
    assert b"ftyp" == httpx.get(reply.output.video_url, timeout=30).content[4:8]
    assert (3, 720) == (reply.usage["duration"], reply.usage["SR"])
    assert 1 == posts(fake)


def test_async_call_fetch_and_wait_agree(fake: FakeDashScope) -> None:
    """``async_call`` gives a task that ``fetch`` and ``wait`` find, by reply or by id."""
    submitted = VideoSynthesis.async_call(**wanted())
    task_id = submitted.output.task_id
    assert ("PENDING", 200) == (submitted.output.task_status, submitted.status_code)
    assert task_id == VideoSynthesis.fetch(task_id).output.task_id
    assert "SUCCEEDED" == VideoSynthesis.wait(submitted).output.task_status
    assert "SUCCEEDED" == VideoSynthesis.wait(task_id).output.task_status
    assert [task_id] == [task["task_id"] for task in fake.ledger()["tasks"]]


def test_what_the_package_adds_is_accepted(fake: FakeDashScope) -> None:
    """The package's own keys (``extend_prompt``, ``function``) reach the fake and do no harm."""
    VideoSynthesis.async_call(**wanted())
    task = fake.ledger()["tasks"][0]
    assert PROMPT == task["prompt"]
    assert R2V == task["model"]
    assert ["https://example.com/girl.jpg"] == task["images"]
    assert {"resolution": "720P", "duration": 3}.items() <= task["parameters"].items()


@pytest.mark.parametrize("spelling", ["file://{}", "{}"])
def test_local_files_are_uploaded(fake: FakeDashScope, tmp_path: Path, spelling: str) -> None:
    """A local picture goes through getPolicy, the form and ``oss://``."""
    paths = [tmp_path / "red one.png", tmp_path / "green.png"]
    for path, colour in zip(paths, (RED, GREEN), strict=True):
        path.write_bytes(picture(colour))
    reply = VideoSynthesis.call(**wanted(media=media(*(spelling.format(path) for path in paths))))
    assert "SUCCEEDED" == reply.output.task_status
    images = fake.ledger()["tasks"][0]["images"]
    assert ["red one.png", "green.png"] == [url.rpartition("/")[2] for url in images]
    assert all(url.startswith("oss://dashscope-instant/") for url in images)


def test_loopback_pictures_are_fetched(fake: FakeDashScope, origin: Origin) -> None:
    """A URL on this machine is downloaded; one that does not work fails the task."""
    good = VideoSynthesis.call(**wanted(media=media(origin.url("red.png"))))
    bad = VideoSynthesis.call(**wanted(media=media(origin.url("missing.png"))))
    assert ("SUCCEEDED", "FAILED") == (good.output.task_status, bad.output.task_status)
    assert "InvalidParameter" == bad.output.code
    assert 3 == fake.ledger()["accounts"]["main"]["billed_seconds"]


def test_a_failing_task_comes_back_with_its_reason(fake: FakeDashScope) -> None:
    """A FAILED task is a reply with status 200, code and message."""
    fake.fault(on="task", kind="fail", code="DataInspectionFailed", message="Output data may contain …")
    reply = VideoSynthesis.call(**wanted())
    assert (200, "FAILED") == (reply.status_code, reply.output.task_status)
    assert ("DataInspectionFailed", "Output data may contain …") == (reply.output.code, reply.output.message)


def test_a_refusal_comes_back_with_code_and_message(fake: FakeDashScope) -> None:
    """A refused submit is a reply with the vendor's status, code and message."""
    reply = VideoSynthesis.async_call(**wanted(resolution="8K"))
    assert 400 == reply.status_code
    assert "InvalidParameter" == reply.code
    assert "The resolution is not valid 8K" == reply.message
    wrong_key = VideoSynthesis.async_call(**wanted(api_key="sk-wrong"))
    assert (401, "InvalidApiKey") == (wrong_key.status_code, wrong_key.code)
    assert [] == fake.ledger()["tasks"]


def test_an_unknown_task_ends_the_wait(fake: FakeDashScope) -> None:
    """UNKNOWN is terminal for the package."""
    assert "UNKNOWN" == VideoSynthesis.wait("no-such-task").output.task_status
    assert 1 == fake.ledger()["requests"]["query"]


def test_cancel_works_while_pending(fake: FakeDashScope) -> None:
    """A PENDING task can be cancelled, a running one cannot."""
    task_id = keep_pending(fake)
    assert 200 == VideoSynthesis.cancel(task_id).status_code
    assert "CANCELED" == VideoSynthesis.fetch(task_id).output.task_status
    again = VideoSynthesis.cancel(task_id)
    assert (400, "UnsupportedOperation") == (again.status_code, again.code)


def test_list_gives_the_raw_page(fake: FakeDashScope) -> None:
    """The 1.x list is the vendor's page, as it is."""
    ids = [VideoSynthesis.async_call(**wanted()).output.task_id for _ in range(3)]
    page = VideoSynthesis.list(model_name=R2V, page_size=2)  # type: ignore[attr-defined]
    assert 200 == page.status_code
    assert 3 == page.output["total"]
    assert 2 == page.output["total_page"]
    assert ids[:0:-1] == [entry["task_id"] for entry in page.output["data"]]
    assert ids == [task["task_id"] for task in fake.ledger()["tasks"]]


def test_aio_does_the_same(fake: FakeDashScope) -> None:
    """The asynchronous twins submit, fetch (with a slash at the end), wait, list and cancel."""

    async def story() -> tuple[Any, ...]:
        called = await AioVideoSynthesis.call(**wanted())
        submitted = await AioVideoSynthesis.async_call(**wanted())
        fetched = await AioVideoSynthesis.fetch(submitted)
        waited = await AioVideoSynthesis.wait(submitted)
        cancelled = await AioVideoSynthesis.cancel(submitted)
        listed = await AioVideoSynthesis.list(model_name=R2V)
        return called, submitted, fetched, waited, cancelled, listed

    called, submitted, fetched, waited, cancelled, listed = run(story())
    assert "SUCCEEDED" == called.output.task_status
    assert submitted.output.task_id == fetched.output.task_id == waited.output.task_id
    assert "SUCCEEDED" == waited.output.task_status
    assert (400, "UnsupportedOperation") == (cancelled.status_code, cancelled.code)
    assert 2 == listed.output["total"]
    assert 2 == posts(fake)


def test_aio_uploads_local_files(fake: FakeDashScope, tmp_path: Path) -> None:
    """The asynchronous twin uploads as well."""
    path = tmp_path / "red.png"
    path.write_bytes(picture(RED))
    reply = run(AioVideoSynthesis.call(**wanted(media=media(f"file://{path}"))))
    assert "SUCCEEDED" == reply.output.task_status
    assert 1 == fake.ledger()["requests"]["upload"]


def test_the_new_client_gives_a_video(client: Any, fake: FakeDashScope) -> None:  # noqa: ANN401
    """``Client.videos`` submits, waits and gives the URL."""
    job = client.videos.generate(model=R2V, prompt=PROMPT, media=media(), parameters={"duration": 3})
    assert job.succeeded
    assert ".mp4?Expires=" in job.video_url
    assert job.submitted_at < job.scheduled_at < job.finished_at
    assert 1 == posts(fake)


def test_the_new_client_uploads_local_files(client: Any, fake: FakeDashScope, tmp_path: Path) -> None:  # noqa: ANN401
    """``Client.videos`` uploads a local picture to where it submits."""
    path = tmp_path / "red.png"
    path.write_bytes(picture(RED))
    assert client.videos.generate(model=R2V, prompt=PROMPT, media=media(f"file://{path}")).succeeded
    assert 1 == fake.ledger()["requests"]["upload"]


def test_the_new_client_raises_what_the_vendor_says(client: Any, fake: FakeDashScope) -> None:  # noqa: ANN401
    """Refusals and failures are exceptions of the package's own tree."""
    with pytest.raises(v2_errors.BadRequestError, match="The resolution is not valid 8K"):
        client.videos.jobs.create(model=R2V, prompt=PROMPT, media=media(), resolution="8K")
    fake.fault(on="task", kind="fail", code="InternalError.Algo")
    with pytest.raises(v2_errors.DashScopeError, match=r"InternalError\.Algo"):
        client.videos.generate(model=R2V, prompt=PROMPT, media=media())


def test_the_new_client_cancels(client: Any, fake: FakeDashScope) -> None:  # noqa: ANN401
    """``Client.videos.jobs.cancel`` cancels a PENDING task."""
    task_id = keep_pending(fake)
    client.videos.jobs.cancel(task_id)
    assert "CANCELED" == fake.ledger()["tasks"][-1]["status"]


def test_sdk_bug_a_lost_reply_is_two_tasks(fake: FakeDashScope) -> None:
    """1.x POSTs again when the connection is dropped: two tasks for one call."""
    fake.fault(on="submit", kind="drop_after_accept")
    VideoSynthesis.async_call(**wanted())
    assert (2, 2) == (posts(fake), len(fake.ledger()["tasks"]))


def test_sdk_bug_the_new_client_makes_three_tasks_of_one(client: Any, fake: FakeDashScope) -> None:  # noqa: ANN401
    """The new client POSTs up to three times when replies are lost, or are a 500."""
    for kind in ("drop_after_accept", "500_after_accept"):
        fake.reset()
        fake.fault(on="submit", kind=kind, times=2)
        client.videos.jobs.create(model=R2V, prompt=PROMPT, media=media())
        assert (3, 3) == (posts(fake), len(fake.ledger()["tasks"]))


def test_sdk_bug_one_throttled_poll_ends_the_wait(fake: FakeDashScope) -> None:
    """1.x gives up on the first 429 or 500 of a poll, while the task runs on and is billed."""
    for kind, status in (("429", 429), ("500", 500)):
        fake.reset()
        fake.fault(on="query", kind=kind)
        assert status == VideoSynthesis.call(**wanted()).status_code
        until(lambda: "SUCCEEDED" == fake.ledger()["tasks"][0]["status"])
        assert 3 == fake.ledger()["tasks"][0]["billed_seconds"]


def test_sdk_bug_the_new_list_is_always_empty(client: Any, fake: FakeDashScope) -> None:  # noqa: ANN401
    """The new client reads ``tasks`` where the vendor writes ``data``."""
    VideoSynthesis.async_call(**wanted())
    page = client.videos.jobs.list(model_name=R2V)
    assert (1, []) == (page.total, page.tasks)
    assert 1 == fake.ledger()["requests"]["list"]


def test_sdk_bug_a_status_is_taken_for_granted(fake: FakeDashScope) -> None:
    """1.x cannot read a truncated reply."""
    submitted = VideoSynthesis.async_call(**wanted())
    fake.fault(on="query", kind="malformed")
    with pytest.raises((KeyError, ValueError, json.JSONDecodeError)):
        VideoSynthesis.wait(submitted)


def test_sdk_bug_a_dropped_poll_ends_the_wait(fake: FakeDashScope) -> None:
    """1.x passes a network error of a poll on to its caller."""
    submitted = VideoSynthesis.async_call(**wanted())
    fake.fault(on="query", kind="drop", times=5)
    with pytest.raises(OSError, match="Remote end closed connection"):
        VideoSynthesis.wait(submitted)

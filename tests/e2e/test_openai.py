"""OpenAI's own package, unmodified except for address and key; and equal creates in every format."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.support.http import form
from tests.support.lossy import Lossy
from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai.types import Video

    from tests.e2e.caller import Caller

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")

AT_ONCE = 50
SECONDS: Any = "3"
SIZE: Any = "720x1280"


@pytest.fixture
def client(caller: Caller) -> Iterator[openai.OpenAI]:
    """Yield OpenAI's client of Gallop."""
    with openai.OpenAI(base_url=f"{caller.at.api_url}/v1", api_key=caller.at.api_key) as client:
        yield client


def hurried(caller: Caller, resource: Any) -> list[float]:  # noqa: ANN401 - both kinds of the package's
    """Let the package's own waits pass on the testbed's clock; return the growing list of waits."""
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        caller.testbed.clock.sleep(seconds)

    async def sleep_async(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.to_thread(caller.testbed.clock.sleep, seconds)

    resource._sleep = sleep_async if "Async" in type(resource).__name__ else sleep  # noqa: SLF001 - its waits are real
    return waits


def test_a_video_is_made_polled_and_downloaded(caller: Caller, client: openai.OpenAI) -> None:
    """One file, a prompt, seconds and size fill the package's video model, and its helper sees the end."""
    waits = hurried(caller, client.videos)
    prompt = "OpenAI's package lets [Image 1] wave."
    reference = ("girl.jpg", picture(), "image/jpeg")
    video = client.videos.create_and_poll(prompt=prompt, input_reference=reference, seconds=SECONDS, size=SIZE)
    assert "completed" == video.status
    assert 100 == video.progress
    assert "3" == video.seconds
    assert SIZE == video.size
    assert prompt == video.prompt
    assert "video" == video.object
    assert video.error is None
    assert "succeeded" == video.model_dump()["state"]
    assert video.completed_at
    assert video.completed_at >= video.created_at
    # The interval of the first answer, repeatedly; without it, the package polls every second.
    assert 1 == len(set(waits))
    assert waits[0] > 1
    content = client.videos.download_content(video.id)
    assert video.model_dump()["video"]["sha256"] == hashlib.sha256(content.read()).hexdigest()
    (redirect,) = content.response.history
    assert (302, "authorization" in redirect.request.headers) == (redirect.status_code, True)
    assert "authorization" not in content.response.request.headers
    (task,) = caller.tasks_for(prompt)
    assert 1 == len(task["images"])


def test_the_async_client_does_the_same(caller: Caller) -> None:
    """A list of references, as repeated ``input_reference[]``, keeps its order."""
    prompt = "The async package lets [Image 1] and [Image 2] dance."

    async def run() -> tuple[Video, bytes]:
        async with openai.AsyncOpenAI(base_url=f"{caller.at.api_url}/v1", api_key=caller.at.api_key) as client:
            hurried(caller, client.videos)
            files: Any = [picture(shade=10), picture(shade=200)]
            created = await client.videos.create(prompt=prompt, input_reference=files, seconds=SECONDS)
            assert ("queued", 0) == (created.status, created.progress)
            video = await client.videos.poll(created.id)
            assert video == await client.videos.retrieve(created.id)
            return video, (await client.videos.download_content(video.id)).read()

    video, content = asyncio.run(run())
    dump = video.model_dump()
    assert ("completed", 2) == (video.status, dump["images"])
    assert dump["video"]["sha256"] == hashlib.sha256(content).hexdigest()
    (task,) = caller.tasks_for(prompt)
    hashes = [hashlib.sha256(picture(shade=shade)).hexdigest() for shade in (10, 200)]
    assert [True, True] == [sha256 in url for sha256, url in zip(hashes, task["images"], strict=True)]


def test_extra_fields_reach_gallop(client: openai.OpenAI) -> None:
    """Fields that the package lacks are sent as text with bracketed names: media, metadata, flags and numbers."""
    urls = ["https://example.com/a.jpg", "https://example.com/b.jpg"]
    extra = {
        "media": [{"type": "reference_image", "url": url} for url in urls],
        "input_reference": {"image_url": data_uri(picture())},
        "metadata": {"order": 17, "of": {"who": "ada"}, "tags": ["x", "y"], "new": True},
        "watermark": False,
        "seed": 7,
        "dry_run": False,
    }
    video = client.videos.create(prompt="[Image 1] to [Image 3].", model="happyhorse-1.1-r2v", extra_body=extra)
    dump = video.model_dump()
    assert "happyhorse-1.1-r2v" == video.model
    assert 3 == dump["images"]
    assert 7 == dump["seed"]
    assert dump["watermark"] is False
    assert {"order": "17", "of": {"who": "ada"}, "tags": ["x", "y"], "new": "true"} == dump["metadata"]


def test_an_upload_is_a_file_with_an_id(caller: Caller, client: openai.OpenAI) -> None:
    """The request has ``input_reference`` with a ``file_id``, as in the package's types."""
    upload: Any = client.post("/uploads", body={"content_type": "image/jpeg"}, cast_to=object)
    caller.s3.put_object(Bucket=caller.at.inbox_bucket, Key=upload["fields"]["key"], Body=picture())
    by_id = {"input_reference": {"file_id": upload["id"]}}
    assert 1 == client.videos.create(prompt="[Image 1] waves.", extra_body=by_id).model_dump()["images"]


def test_videos_are_listed_page_by_page(client: openai.OpenAI) -> None:
    """Newest first or last, each video is listed once in the package's own pages, equal to the single video."""
    extra = {"images": ["https://example.com/a.jpg"]}
    made = [client.videos.create(prompt=f"Listed {number}.", extra_body=extra).id for number in range(3)]
    page = client.videos.list(limit=2)
    assert (made[:0:-1], True) == ([video.id for video in page.data], page.has_more)
    following = page.get_next_page()
    assert made[0] == following.data[0].id
    every = [video.id for video in client.videos.list(limit=2)]
    assert made[::-1] == every[:3]
    assert len(every) == len(set(every))
    assert every[::-1] == [video.id for video in client.videos.list(order="asc")]
    assert {"queued", "in_progress", "completed", "failed"} >= {video.status for video in client.videos.list()}


def test_the_thumbnail_is_a_variant(caller: Caller, client: openai.OpenAI) -> None:
    """It is downloaded like the video; a variant that Gallop does not make is refused."""
    video = client.videos.create(prompt="[Image 1] is still.", input_reference=picture(), seconds=SECONDS)
    caller.wait_for_job(video.id)
    caller.wait_for_thumbnail(f"videos/{video.id}/video.json")
    assert client.videos.download_content(video.id, variant="thumbnail").read()
    with pytest.raises(openai.APIStatusError) as refused:
        client.videos.download_content(video.id, variant="spritesheet")
    assert 400 <= refused.value.status_code < 500


def test_a_finished_video_is_deleted(caller: Caller, client: openai.OpenAI) -> None:
    """The package gets the confirmation, and the video is gone."""
    video = client.videos.create(prompt="[Image 1] waves goodbye.", input_reference=picture(), seconds=SECONDS)
    caller.wait_for_job(video.id)
    deleted = None
    until = time.monotonic() + 30
    while deleted is None and time.monotonic() < until:
        # Its last receipts may still be written, which is a temporary conflict.
        with suppress(openai.ConflictError):
            deleted = client.videos.delete(video.id)
    assert deleted
    assert video.id == deleted.id
    assert deleted.deleted is True
    assert "video.deleted" == deleted.object
    with pytest.raises(openai.NotFoundError):
        client.videos.retrieve(video.id)


def test_refusals_are_the_packages_own_errors(caller: Caller, client: openai.OpenAI) -> None:
    """Each is raised as its class, with message, type, param and code, after one request: a retry is useless."""
    with Lossy(caller.at.api_url) as way, client.with_options(base_url=f"{way.url}/v1") as through:
        with pytest.raises(openai.BadRequestError) as bad:
            through.videos.create(prompt="No image.", model="sora-2", size="1x1")  # type: ignore[arg-type]
        with pytest.raises(openai.AuthenticationError) as stranger:
            through.with_options(api_key="wrong").videos.create(prompt="x")
        again = {"Idempotency-Key": f"openai-{time.time()}"}
        extra = {"images": ["https://example.com/a.jpg"]}
        through.videos.create(prompt="Once.", extra_body=extra, extra_headers=again)
        with pytest.raises(openai.UnprocessableEntityError) as mismatch:
            through.videos.create(prompt="Twice.", extra_body=extra, extra_headers=again)
        with pytest.raises(openai.APIStatusError) as large:
            through.videos.create(prompt="x", input_reference=bytes(4_600_000))
        assert 5 == way.posts
    assert "invalid_request_error" == bad.value.type
    assert "invalid_request" == bad.value.code
    assert "model" == bad.value.param
    assert '/model: unknown value "sora-2"' in bad.value.message
    assert "happyhorse-1.0-r2v" in bad.value.message
    assert ("authentication_error", "unauthenticated") == (stranger.value.type, stranger.value.code)
    assert ("invalid_request_error", "idempotency_mismatch") == (mismatch.value.type, mismatch.value.code)
    assert (413, "body_too_large") == (large.value.status_code, large.value.code)
    assert all(error.value.request_id for error in (bad, stranger, mismatch, large))


def test_a_missing_video_is_not_found(client: openai.OpenAI) -> None:
    """Retrieve and download raise it; a video that is not finished is a conflict."""
    nowhere = "job_" + "a" * 26
    for call in (client.videos.retrieve, client.videos.download_content):
        with pytest.raises(openai.NotFoundError) as none:
            call(nowhere)
        assert ("not_found", True) == (none.value.code, bool(none.value.request_id))
    video = client.videos.create(prompt="x", extra_body={"images": ["https://example.com/a.jpg"]})
    with pytest.raises(openai.ConflictError) as early:
        client.with_options(max_retries=0).videos.download_content(video.id)
    assert "not_ready" == early.value.code


def test_lost_replies_make_one_job(caller: Caller, client: openai.OpenAI) -> None:
    """The package repeats a create twice, with a new boundary each time: one job, one charge."""
    prompt = "Two replies are lost, and [Image 1] waves once."
    with Lossy(caller.at.api_url) as way, client.with_options(base_url=f"{way.url}/v1") as through:
        way.lose("dropped", "dropped")
        video = through.videos.create(prompt=prompt, input_reference=picture(), seconds=SECONDS)
        assert ["0", "1", "2"] == [headers["x-stainless-retry-count"] for headers in way.sent]
        assert 3 == len({headers["content-type"] for headers in way.sent})
    assert "succeeded" == caller.wait_for_job(video.id)["state"]
    assert 1 == len(caller.tasks_for(prompt))


def test_every_answer_has_a_request_id(client: openai.OpenAI) -> None:
    """The package shows it for successes and for errors."""
    video = client.videos.create(prompt="x", extra_body={"images": ["https://example.com/a.jpg"]})
    assert video._request_id  # noqa: SLF001 - a public name of the package, for all its underscore
    assert client.videos.retrieve(video.id)._request_id != video._request_id  # noqa: SLF001 - the same


@pytest.mark.parametrize("how", ["by key", "as retries"])
def test_equal_creates_at_once_are_one_job(caller: Caller, how: str) -> None:
    """Of fifty at the same moment, as JSON and as forms with other boundaries, one is new and one is charged."""
    prompt = f"Fifty times at once, {how}: [Image 1] waves once."
    new_job = {"prompt": prompt, "images": [data_uri(picture())], "duration": 3}
    mark = {"Idempotency-Key": f"fifty-{time.time()}"} if how == "by key" else {"x-stainless-retry-count": "1"}

    def create(number: int) -> tuple[str, str | None]:
        media_type, body = "application/json", json.dumps(new_job).encode()
        if number % 2:
            media_type, body = form({"prompt": prompt, "seconds": "3"}, [("images[]", ("a", picture(), "image/jpeg"))])
        while (
            answer := caller.http.post("/v1/videos", content=body, headers={"Content-Type": media_type, **mark})
        ).status_code == 429:
            # Fifty at once exceed the rate limit of one key.
            caller.testbed.clock.sleep(int(answer.headers["Retry-After"]))
        assert 202 == answer.status_code, answer.text
        return answer.json()["id"], answer.headers.get("Idempotent-Replay")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(create, range(AT_ONCE)))
    assert 1 == len({job_id for job_id, _ in answers})
    assert {None: 1, "true": AT_ONCE - 1} == Counter(replay for _, replay in answers)
    assert "succeeded" == caller.wait_for_job(answers[0][0])["state"]
    assert 1 == len(caller.tasks_for(prompt))

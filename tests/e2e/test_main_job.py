"""The main job through both doors: images and a prompt become a playable video in S3."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import av
import httpx
import pytest
from PIL import Image

from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from tests.e2e.caller import Caller

SEED = json.loads((Path(__file__).parent / "seed_request.json").read_text(encoding="utf-8"))


def test_a_folder_becomes_a_video_with_its_receipts(caller: Caller) -> None:
    """Three images and a prompt, in any order, become one task, one video and one set of receipts."""
    prompt = "The first of [Image 1] meets [Image 2] and [Image 3]."
    caller.drop(
        {
            "ad one/10.jpg": picture(),
            "ad one/prompt.txt": prompt.encode(),
            "ad one/2.jpg": picture(),
            "ad one/1.jpg": picture(),
        }
    )
    status = caller.wait_for_receipt("ad one/status.json")
    assert "succeeded" == status["state"], status
    details = caller.wait_for_thumbnail("ad one/video.json")
    assert ["drop/ad one/1.jpg", "drop/ad one/2.jpg", "drop/ad one/10.jpg"] == [
        image["key"] for image in details["request"]["images"]
    ]
    video = caller.video("ad one/video.mp4")
    assert details["video"]["sha256"] == hashlib.sha256(video).hexdigest()
    assert details["video"]["bytes"] == len(video)
    thumbnail = caller.video("ad one/thumbnail.jpg")
    assert details["thumbnail"]["sha256"] == hashlib.sha256(thumbnail).hexdigest()
    assert (1280, 720) == Image.open(io.BytesIO(thumbnail)).size
    assert 1 == len(caller.tasks_for(prompt))
    assert pytest.approx(0.7) == details["cost"] == status["cost"]


def test_a_single_image_becomes_a_video_with_the_stacks_prompt(caller: Caller) -> None:
    """An image at the root needs no prompt; its receipts have its own name."""
    caller.drop({"cat.jpg": picture()})
    assert "succeeded" == caller.wait_for_receipt("cat.jpg/status.json")["state"]
    assert caller.video("cat.jpg/video.mp4").startswith(b"\0\0\0")


def test_the_example_request_becomes_a_playable_video(caller: Caller) -> None:
    """The example request, unchanged, gives an H.264 video of the right size, frame rate and length."""
    created = caller.create(SEED)
    assert 202 == created.status_code, created.text
    job = created.json()
    assert f"/v1/videos/{job['id']}" == created.headers["Location"]
    assert int(created.headers["Retry-After"]) * 1000 == int(created.headers["openai-poll-after-ms"])
    ended = caller.wait_for_job(job["id"])
    assert "succeeded" == ended["state"]
    assert "completed" == ended["status"]
    assert 100 == ended["progress"]
    assert f"{caller.at.api_url}/v1/videos/{job['id']}/content" == ended["video"]["content"]
    content = caller.http.get(ended["video"]["content"])
    assert 302 == content.status_code
    video = httpx.get(content.headers["Location"]).content
    assert ended["video"]["sha256"] == hashlib.sha256(video).hexdigest()
    with av.open(io.BytesIO(video), "r") as container:
        stream = container.streams.video[0]
        assert "h264" == stream.codec_context.name
        assert 1280 == stream.width
        assert 720 == stream.height
        assert 24 == stream.average_rate
        assert 5 * 24 == len(list(container.decode(video=0)))
    assert 1 == len(caller.tasks_for(SEED["prompt"]))


def test_images_of_all_three_kinds_are_sent_to_the_vendor(caller: Caller) -> None:
    """An address, an inline image and an object of the inbox become the references, in order."""
    caller.s3.put_object(Bucket=caller.at.inbox_bucket, Key="uploads/mine.jpg", Body=picture())
    prompt = "[Image 1], [Image 2] and [Image 3] dance."
    body = {
        "prompt": prompt,
        "images": [
            SEED["images"][0],
            data_uri(picture(shade=1)),
            f"s3://{caller.at.inbox_bucket}/uploads/mine.jpg",
        ],
        "duration": 3,
    }
    job = caller.wait_for_job(caller.create(body).json()["id"])
    assert "succeeded" == job["state"], job
    (task,) = caller.tasks_for(prompt)
    assert SEED["images"][0] == task["images"][0]
    assert all("X-Amz-Signature" in url for url in task["images"][1:])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/v1/videos", 200),
        ("HEAD", "/health", 200),
        ("HEAD", "/openapi.json", 200),
        ("HEAD", "/docs", 200),
        ("HEAD", "/api/v1/tasks", 200),
        ("PUT", "/v1/videos", 405),
        ("DELETE", "/docs", 405),
        ("PATCH", "/api/v1/tasks", 405),
        ("GET", "/v1/videos/", 404),
        ("GET", "/nowhere", 404),
    ],
)
def test_every_path_and_method_is_answered_by_gallop(caller: Caller, method: str, path: str, status: int) -> None:
    """API Gateway has no route of which it answers in its own format."""
    answer = caller.http.request(method, path)
    assert status == answer.status_code
    assert method == "HEAD" or "message" not in answer.json() or "request_id" in answer.json()
    assert ("Allow" in answer.headers) == (status == 405)


def test_a_list_continues_after_a_deleted_job(caller: Caller) -> None:
    """The role of the read side may keep the place of what it deletes."""
    job = caller.wait_for_job(caller.create({**SEED, "prompt": "[Image 1] waves.", "duration": 3}).json()["id"])
    while (answer := caller.http.delete(f"/v1/videos/{job['id']}")).status_code == 409:
        pass
    assert 200 == answer.status_code, answer.text
    assert 200 == caller.http.get("/v1/videos", params={"after": job["id"]}).status_code


def test_nothing_was_refused(caller: Caller) -> None:
    """For these jobs no function needed a permission that its role lacks, not even an optional one."""
    assert [] == caller.testbed.aws.authority.audit.refusals()

"""From DashScope into the bucket: a whole, checked MP4, or nothing."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import pytest
from gallop.adapters import aws as edges
from gallop.adapters.table import jobs as store
from gallop.domain.errors import (
    AwsTrouble,
    ResultExpired,
    ResultIncomplete,
    ResultUnusable,
    VendorThrottled,
    VendorUnavailable,
    VendorUnreachable,
)
from gallop.domain.job import JobState

from tests.support.films import box, film, frames_of
from tests.support.stack import aws
from tests.support.world import TASKS_URL
from tests.testbed.fake_dashscope.wire import Body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gallop.domain.job import Job

    from tests.support.world import World

VIDEO_URL = "https://dashscope-a717.oss-accelerate.aliyuncs.com/"
MEBIBYTE = 1024 * 1024


def save(world: World, job: Job) -> dict[str, Any]:
    """Run the step."""
    answer: dict[str, Any] = world.invoke("SaveResultFunction", {"job_id": job.id})
    return answer


def delivers(world: World, response: Callable[[], httpx.Response]) -> None:
    """Let the address of the video answer so."""
    world.instead[VIDEO_URL] = lambda _: response()


def assert_nothing_stored(world: World, job: Job) -> None:
    """No object, no version of one, no parts of one, no result in the record."""
    found = world.s3.list_object_versions(Bucket=world.results, Prefix=f"{job.receipts}/video")
    uploads = world.s3.list_multipart_uploads(Bucket=world.results)
    assert ([], [], None) == (found.get("Versions", []), uploads.get("Uploads", []), world.job(job.id).result)
    assert JobState.STORING is world.job(job.id).state


def test_the_video_in_the_bucket_is_the_one_at_the_vendor(world: World) -> None:
    """Byte for byte, with size, SHA-256, content type and version on record."""
    job = world.storing()
    assert {"next": "finish", "wait_seconds": 0, "failure": None} == save(world, job)
    result = world.job(job.id).result
    assert result
    stored = world.result(f"{job.receipts}/video.mp4")
    head = world.s3.head_object(Bucket=world.results, Key=f"{job.receipts}/video.mp4")
    assert stored.startswith(film())
    assert f"task {job.task_id}".encode() in stored
    assert 12 == frames_of(stored)
    assert (len(stored), hashlib.sha256(stored).hexdigest(), "video/mp4", head["VersionId"], world.results) == (
        result.size,
        result.sha256,
        result.content_type,
        result.version_id,
        result.bucket,
    )
    assert "video/mp4" == head["ContentType"]


def test_the_key_is_not_shown_to_the_videos_host(world: World) -> None:
    """OSS refuses a header beside a signature, and the key is none of its business."""
    save(world, world.storing())
    (download,) = world.sent(VIDEO_URL)
    assert ("GET", None, "identity") == (
        download.method,
        download.headers.get("Authorization"),
        download.headers["Accept-Encoding"],
    )


def test_a_video_without_a_length_is_checked_by_its_boxes(world: World) -> None:
    """Where no length is announced, the chain of boxes tells that all is there."""
    world.fake.fault(on="download", kind="no_content_length")
    job = world.storing()
    save(world, job)
    assert 12 == frames_of(world.result(f"{job.receipts}/video.mp4"))


def test_a_large_video_is_stored_in_parts(world: World) -> None:
    """More than one part, put together again in their order."""
    world.fake.fault(on="task", kind="result_size", bytes=20 * MEBIBYTE)
    job = world.storing()
    save(world, job)
    result = world.job(job.id).result
    assert result
    assert 20 * MEBIBYTE == result.size
    stored = world.result(result.key)
    assert result.sha256 == hashlib.sha256(stored).hexdigest()
    assert world.s3.head_object(Bucket=world.results, Key=result.key)["ETag"].endswith('-3"')


@pytest.mark.parametrize("bytes_", [0, 20 * MEBIBYTE])
@pytest.mark.parametrize("kind", ["truncate", "stall"])
def test_a_video_that_breaks_off_is_not_stored(world: World, kind: str, bytes_: int) -> None:
    """In the first part or after it: nothing appears, the parts are thrown away, and the next run fetches it whole."""
    world.fake.fault(on="task", kind="result_size", bytes=bytes_)
    world.fake.fault(on="download", kind=kind)
    job = world.storing()
    with pytest.raises(ResultIncomplete, match="The video broke off on its way"):
        save(world, job)
    assert_nothing_stored(world, job)
    assert "finish" == save(world, job)["next"]
    assert world.job(job.id).result


def test_a_short_body_of_announced_length_is_not_stored(world: World) -> None:
    """A whole MP4 that is not as long as was said is not the one that was meant."""
    job = world.storing()
    headers = {"Content-Length": str(len(film()) + 5)}
    delivers(world, lambda: httpx.Response(200, headers=headers, stream=Body(lambda: iter([film()]))))
    with pytest.raises(ResultIncomplete, match=rf"has {len(film())} bytes where {len(film()) + 5} were announced"):
        save(world, job)
    assert_nothing_stored(world, job)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 31, 40, 2000, len(film()) - 1])
def test_a_body_cut_at_any_place_is_not_stored(world: World, length: int) -> None:
    """Even where nobody announced how long it would be."""
    job = world.storing()
    delivers(world, lambda: httpx.Response(200, stream=Body(lambda: iter([film()[:length]]))))
    with pytest.raises(ResultIncomplete, match="The video cannot be used"):
        save(world, job)
    assert_nothing_stored(world, job)


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Please sign in.</body></html>",
        b'{"code": "AccessDenied", "message": "no"}',
        b"RIFF\0\0\0\0AVI LIST",
    ],
)
def test_what_is_no_video_is_not_stored(world: World, body: bytes) -> None:
    """A page, an error, another format, announced as video/mp4 with the right length."""
    job = world.storing()
    delivers(world, lambda: httpx.Response(200, headers={"Content-Type": "video/mp4"}, content=body))
    with pytest.raises(ResultUnusable, match="not an MP4 file"):
        save(world, job)
    assert_nothing_stored(world, job)


def test_wrong_bytes_stop_the_download_at_once(world: World) -> None:
    """Nobody fetches a gigabyte of something else to the end."""
    job, taken = world.storing(), []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield b"<p>no video</p>" * 70_000

    delivers(world, lambda: httpx.Response(200, stream=Body(endless)))
    with pytest.raises(ResultUnusable):
        save(world, job)
    assert 2 >= len(taken)
    assert_nothing_stored(world, job)


def test_boxes_without_a_film_are_not_stored(world: World) -> None:
    """An MP4 needs an index and data."""
    job = world.storing()
    delivers(world, lambda: httpx.Response(200, content=box(b"ftyp", b"isom") + box(b"moov")))
    with pytest.raises(ResultIncomplete, match="it has no mdat box"):
        save(world, job)
    assert_nothing_stored(world, job)


@pytest.mark.parametrize(
    ("kind", "problem"),
    [("403_expired", "answered with HTTP 403"), ("500", "answered with HTTP 500")],
)
def test_an_address_that_refuses_is_asked_for_anew(world: World, kind: str, problem: str) -> None:
    """Each run asks DashScope for the address again: an expired one is not the end."""
    world.fake.fault(on="download", kind=kind)
    job = world.storing()
    with pytest.raises(VendorUnavailable, match=problem):
        save(world, job)
    assert_nothing_stored(world, job)
    queries = len(world.sent(TASKS_URL))
    assert "finish" == save(world, job)["next"]
    assert queries + 1 == len(world.sent(TASKS_URL))


def test_no_connection_to_the_videos_host_is_told_without_its_address(world: World) -> None:
    """The address opens the video: not even an error repeats it."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    job = world.storing()
    world.instead[VIDEO_URL] = refuse
    with pytest.raises(VendorUnreachable, match=r"^No connection to the result's host \(ConnectError\)\.$"):
        save(world, job)
    assert_nothing_stored(world, job)


def test_redirects_are_not_followed(world: World) -> None:
    """The video is where DashScope says, not where somebody else points."""
    job = world.storing()
    delivers(world, lambda: httpx.Response(302, headers={"Location": "https://example.com/video.mp4"}))
    with pytest.raises(VendorUnavailable, match="HTTP 302"):
        save(world, job)
    assert [] == world.sent("https://example.com/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://example.com/video.mp4",
        "https://aliyuncs.com.example.com/video.mp4",
        "https://example.com/.aliyuncs.com",
        "https://example.com#.aliyuncs.com",
        "https://127.0.0.1/video.mp4",
        "http://169.254.169.254/latest/meta-data",
        "ftp://x.aliyuncs.com/video.mp4",
        "file:///etc/passwd",
        "https://[::1/video.mp4",
        "//x.aliyuncs.com/video.mp4",
    ],
)
def test_only_the_vendors_own_hosts_are_fetched_from(world: World, url: str) -> None:
    """An answer that names another host is not followed into somebody's network."""
    job = world.storing()
    output = {"task_status": "SUCCEEDED", "video_url": url}
    world.instead[TASKS_URL] = lambda _: httpx.Response(200, json={"output": output})
    before = len(world.router.calls)
    with pytest.raises(ResultUnusable, match="names no address of its own"):
        save(world, job)
    assert before + 1 == len(world.router.calls)
    assert_nothing_stored(world, job)


def test_a_success_without_an_address_is_unusable(world: World) -> None:
    """DashScope made a video, billed it and does not say where it is."""
    world.fake.fault(on="task", kind="succeed_without_url")
    job = world.storing()
    with pytest.raises(ResultUnusable):
        save(world, job)


def test_an_expired_task_is_told_as_such(world: World) -> None:
    """After 24 hours there is nothing left to fetch, and the answer says so."""
    job = world.storing()
    world.clock.advance(25 * 3600)
    with pytest.raises(ResultExpired, match=job.task_id):
        save(world, job)
    assert_nothing_stored(world, job)


@pytest.mark.parametrize("kind", ["500", "malformed", "drop"])
def test_trouble_with_the_question_is_left_to_the_workflow(world: World, kind: str) -> None:
    """The step is run again."""
    job = world.storing()
    world.fake.fault(on="query", kind=kind)
    with pytest.raises(VendorUnavailable):
        save(world, job)
    assert "finish" == save(world, job)["next"]


def test_a_throttled_question_is_left_to_the_workflow(world: World) -> None:
    """The step is run again, later."""
    job = world.storing()
    world.fake.fault(on="query", kind="429")
    with pytest.raises(VendorThrottled):
        save(world, job)


def test_a_task_that_takes_its_end_back_is_asked_again(world: World) -> None:
    """It had succeeded a moment ago."""
    job = world.storing()
    world.instead[TASKS_URL] = lambda _: httpx.Response(200, json={"output": {"task_status": "RUNNING"}})
    with pytest.raises(ResultIncomplete, match="takes back"):
        save(world, job)


@pytest.mark.parametrize("call", ["create_multipart_upload", "upload_part", "complete_multipart_upload"])
def test_trouble_with_the_bucket_leaves_nothing_behind(world: World, call: str) -> None:
    """Whatever S3 refuses: no half object, and the step may be run again."""
    job = world.storing()
    client = edges.s3()
    with patch.object(client, call, side_effect=ConnectionResetError), pytest.raises(ConnectionResetError):
        save(world, job)
    assert_nothing_stored(world, job)
    assert "finish" == save(world, job)["next"]


def test_a_bucket_that_is_not_there_is_trouble_with_aws(world: World) -> None:
    """boto3's errors come in our own words, which the workflow knows how to retry."""
    job = world.storing()
    with (
        patch("gallop.settings.results_bucket", return_value="no-such-bucket"),
        pytest.raises(AwsTrouble, match="store_stream"),
    ):
        save(world, job)


def test_a_run_that_died_after_storing_is_run_again(world: World) -> None:
    """The record does not know of the video yet: it is fetched once more, and the record names that version."""
    job = world.storing()
    with patch.object(store, "advance", side_effect=AwsTrouble("no")), pytest.raises(AwsTrouble):
        save(world, job)
    assert world.job(job.id).result is None
    save(world, job)
    result = world.job(job.id).result
    assert result
    newest = world.s3.head_object(Bucket=world.results, Key=result.key)["VersionId"]
    assert newest == result.version_id


def test_a_stored_video_is_not_fetched_again(world: World) -> None:
    """Run again, the step finds its work done."""
    job = world.storing()
    save(world, job)
    calls = len(world.router.calls)
    assert "finish" == save(world, job)["next"]
    assert calls == len(world.router.calls)


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.SUCCEEDED, JobState.FAILED])
def test_only_a_job_that_stores_is_stored(world: World, state: JobState) -> None:
    """A step that comes late, or early, does nothing."""
    assert "finish" == save(world, world.put(state))["next"]
    assert [] == list(world.router.calls)


def test_the_buckets_parts_are_thrown_away_by_rule(world: World) -> None:
    """Parts that a killed function leaves behind are not paid for longer than a day."""
    rules = aws("s3").get_bucket_lifecycle_configuration(Bucket=world.results)["Rules"]
    of_parts = [rule["AbortIncompleteMultipartUpload"] for rule in rules if "AbortIncompleteMultipartUpload" in rule]
    assert [1] == [rule["DaysAfterInitiation"] for rule in of_parts]

"""From DashScope into the bucket: a whole, checked MP4, or nothing."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import pytest
from gallop.adapters import aws as edges
from gallop.adapters.table import jobs
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

from fake_dashscope.wire import Body
from tests.support.films import box, film, frames_of
from tests.support.sandbox import TASKS_URL
from tests.support.stack import aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox

VIDEO_URL = "https://dashscope-a717.oss-accelerate.aliyuncs.com/"
MEBIBYTE = 1024 * 1024


def save(sandbox: Sandbox, job: Job) -> dict[str, Any]:
    """Run the step."""
    answer: dict[str, Any] = sandbox.invoke("SaveResultFunction", {"job_id": job.id})
    return answer


def delivers(sandbox: Sandbox, response: Callable[[], httpx.Response]) -> None:
    """Let the address of the video answer so."""
    sandbox.instead[VIDEO_URL] = lambda _: response()


def assert_nothing_stored(sandbox: Sandbox, job: Job) -> None:
    """No object, no version of one, no parts of one, no result in the record."""
    found = sandbox.s3.list_object_versions(Bucket=sandbox.results, Prefix=f"{job.receipts}/video")
    uploads = sandbox.s3.list_multipart_uploads(Bucket=sandbox.results)
    assert ([], [], None) == (found.get("Versions", []), uploads.get("Uploads", []), sandbox.job(job.id).result)
    assert JobState.STORING is sandbox.job(job.id).state


def test_the_video_in_the_bucket_is_the_one_at_the_vendor(sandbox: Sandbox) -> None:
    """Byte for byte, with size, SHA-256, content type and version on record."""
    job = sandbox.storing()
    assert {"next": "finish", "wait_seconds": 0, "failure": None} == save(sandbox, job)
    result = sandbox.job(job.id).result
    assert result
    stored = sandbox.result(f"{job.receipts}/video.mp4")
    head = sandbox.s3.head_object(Bucket=sandbox.results, Key=f"{job.receipts}/video.mp4")
    assert stored.startswith(film())
    assert f"task {job.task_id}".encode() in stored
    assert 12 == frames_of(stored)
    assert (len(stored), hashlib.sha256(stored).hexdigest(), "video/mp4", head["VersionId"], sandbox.results) == (
        result.size,
        result.sha256,
        result.content_type,
        result.version_id,
        result.bucket,
    )
    assert "video/mp4" == head["ContentType"]


def test_the_key_is_not_shown_to_the_videos_host(sandbox: Sandbox) -> None:
    """OSS refuses a header beside a signature, and the key is none of its business."""
    save(sandbox, sandbox.storing())
    (download,) = sandbox.sent(VIDEO_URL)
    assert ("GET", None, "identity") == (
        download.method,
        download.headers.get("Authorization"),
        download.headers["Accept-Encoding"],
    )


def test_a_video_without_a_length_is_checked_by_its_boxes(sandbox: Sandbox) -> None:
    """Where no length is announced, the chain of boxes tells that all is there."""
    sandbox.fake.fault(on="download", kind="no_content_length")
    job = sandbox.storing()
    save(sandbox, job)
    assert 12 == frames_of(sandbox.result(f"{job.receipts}/video.mp4"))


def test_a_large_video_is_stored_in_parts(sandbox: Sandbox) -> None:
    """More than one part, put together again in their order."""
    sandbox.fake.fault(on="task", kind="result_size", bytes=20 * MEBIBYTE)
    job = sandbox.storing()
    save(sandbox, job)
    result = sandbox.job(job.id).result
    assert result
    assert 20 * MEBIBYTE == result.size
    stored = sandbox.result(result.key)
    assert result.sha256 == hashlib.sha256(stored).hexdigest()
    assert sandbox.s3.head_object(Bucket=sandbox.results, Key=result.key)["ETag"].endswith('-3"')


@pytest.mark.parametrize("bytes_", [0, 20 * MEBIBYTE])
@pytest.mark.parametrize("kind", ["truncate", "stall"])
def test_a_video_that_breaks_off_is_not_stored(sandbox: Sandbox, kind: str, bytes_: int) -> None:
    """In the first part or after it: nothing appears, the parts are thrown away, and the next run fetches it whole."""
    sandbox.fake.fault(on="task", kind="result_size", bytes=bytes_)
    sandbox.fake.fault(on="download", kind=kind)
    job = sandbox.storing()
    with pytest.raises(ResultIncomplete, match="The video download was interrupted"):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)
    assert "finish" == save(sandbox, job)["next"]
    assert sandbox.job(job.id).result


def test_a_short_body_of_announced_length_is_not_stored(sandbox: Sandbox) -> None:
    """A whole MP4 that is not as long as was said is not the one that was meant."""
    job = sandbox.storing()
    headers = {"Content-Length": str(len(film()) + 5)}
    delivers(sandbox, lambda: httpx.Response(200, headers=headers, stream=Body(lambda: iter([film()]))))
    with pytest.raises(ResultIncomplete, match=rf"has {len(film())} bytes instead of {len(film()) + 5}"):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 31, 40, 2000, len(film()) - 1])
def test_a_body_cut_at_any_place_is_not_stored(sandbox: Sandbox, length: int) -> None:
    """Even where nobody announced how long it would be."""
    job = sandbox.storing()
    delivers(sandbox, lambda: httpx.Response(200, stream=Body(lambda: iter([film()[:length]]))))
    with pytest.raises(ResultIncomplete, match="The video cannot be used"):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Please sign in.</body></html>",
        b'{"code": "AccessDenied", "message": "no"}',
        b"RIFF\0\0\0\0AVI LIST",
    ],
)
def test_what_is_no_video_is_not_stored(sandbox: Sandbox, body: bytes) -> None:
    """A page, an error, another format, announced as video/mp4 with the right length."""
    job = sandbox.storing()
    delivers(sandbox, lambda: httpx.Response(200, headers={"Content-Type": "video/mp4"}, content=body))
    with pytest.raises(ResultUnusable, match="not an MP4 file"):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)


def test_wrong_bytes_stop_the_download_at_once(sandbox: Sandbox) -> None:
    """Nobody fetches a gigabyte of something else to the end."""
    job, taken = sandbox.storing(), []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield b"<p>no video</p>" * 70_000

    delivers(sandbox, lambda: httpx.Response(200, stream=Body(endless)))
    with pytest.raises(ResultUnusable):
        save(sandbox, job)
    assert 2 >= len(taken)
    assert_nothing_stored(sandbox, job)


def test_boxes_without_a_film_are_not_stored(sandbox: Sandbox) -> None:
    """An MP4 needs an index and data."""
    job = sandbox.storing()
    delivers(sandbox, lambda: httpx.Response(200, content=box(b"ftyp", b"isom") + box(b"moov")))
    with pytest.raises(ResultIncomplete, match="it has no mdat box"):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)


@pytest.mark.parametrize(
    ("kind", "problem"),
    [("403_expired", "returned HTTP 403"), ("500", "returned HTTP 500")],
)
def test_an_address_that_refuses_is_asked_for_anew(sandbox: Sandbox, kind: str, problem: str) -> None:
    """Each run asks DashScope for the address again: an expired one is not the end."""
    sandbox.fake.fault(on="download", kind=kind)
    job = sandbox.storing()
    with pytest.raises(VendorUnavailable, match=problem):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)
    queries = len(sandbox.sent(TASKS_URL))
    assert "finish" == save(sandbox, job)["next"]
    assert queries + 1 == len(sandbox.sent(TASKS_URL))


def test_no_connection_to_the_videos_host_is_told_without_its_address(sandbox: Sandbox) -> None:
    """The address opens the video: not even an error repeats it."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    job = sandbox.storing()
    sandbox.instead[VIDEO_URL] = refuse
    with pytest.raises(VendorUnreachable, match=r"^Cannot connect to the result's host \(ConnectError\)\.$"):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)


def test_redirects_are_not_followed(sandbox: Sandbox) -> None:
    """The video is where DashScope says, not where somebody else points."""
    job = sandbox.storing()
    delivers(sandbox, lambda: httpx.Response(302, headers={"Location": "https://example.com/video.mp4"}))
    with pytest.raises(VendorUnavailable, match="HTTP 302"):
        save(sandbox, job)
    assert [] == sandbox.sent("https://example.com/")


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
def test_only_the_vendors_own_hosts_are_fetched_from(sandbox: Sandbox, url: str) -> None:
    """An answer that names another host is not followed into somebody's network."""
    job = sandbox.storing()
    output = {"task_status": "SUCCEEDED", "video_url": url}
    sandbox.instead[TASKS_URL] = lambda _: httpx.Response(200, json={"output": output})
    before = len(sandbox.router.calls)
    with pytest.raises(ResultUnusable, match="is not on one of DashScope's hosts"):
        save(sandbox, job)
    assert before + 1 == len(sandbox.router.calls)
    assert_nothing_stored(sandbox, job)


def test_a_success_without_an_address_is_unusable(sandbox: Sandbox) -> None:
    """DashScope made a video, billed it and does not say where it is."""
    sandbox.fake.fault(on="task", kind="succeed_without_url")
    job = sandbox.storing()
    with pytest.raises(ResultUnusable):
        save(sandbox, job)


def test_an_expired_task_is_told_as_such(sandbox: Sandbox) -> None:
    """After 24 hours there is nothing left to fetch, and the answer says so."""
    job = sandbox.storing()
    sandbox.clock.advance(25 * 3600)
    with pytest.raises(ResultExpired, match=job.task_id):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)


@pytest.mark.parametrize("kind", ["500", "malformed", "drop"])
def test_trouble_with_the_question_is_left_to_the_workflow(sandbox: Sandbox, kind: str) -> None:
    """The step is run again."""
    job = sandbox.storing()
    sandbox.fake.fault(on="query", kind=kind)
    with pytest.raises(VendorUnavailable):
        save(sandbox, job)
    assert "finish" == save(sandbox, job)["next"]


def test_a_throttled_question_is_left_to_the_workflow(sandbox: Sandbox) -> None:
    """The step is run again, later."""
    job = sandbox.storing()
    sandbox.fake.fault(on="query", kind="429")
    with pytest.raises(VendorThrottled):
        save(sandbox, job)


def test_a_task_that_takes_its_end_back_is_asked_again(sandbox: Sandbox) -> None:
    """It had succeeded a moment ago."""
    job = sandbox.storing()
    sandbox.instead[TASKS_URL] = lambda _: httpx.Response(200, json={"output": {"task_status": "RUNNING"}})
    with pytest.raises(ResultIncomplete, match="no longer reports the task as finished"):
        save(sandbox, job)


@pytest.mark.parametrize("call", ["create_multipart_upload", "upload_part", "complete_multipart_upload"])
def test_trouble_with_the_bucket_leaves_nothing_behind(sandbox: Sandbox, call: str) -> None:
    """Whatever S3 refuses: no half object, and the step may be run again."""
    job = sandbox.storing()
    client = edges.s3()
    with patch.object(client, call, side_effect=ConnectionResetError), pytest.raises(ConnectionResetError):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)
    assert "finish" == save(sandbox, job)["next"]


def test_a_bucket_that_is_not_there_is_trouble_with_aws(sandbox: Sandbox) -> None:
    """boto3's errors come in our own words, which the workflow knows how to retry."""
    job = sandbox.storing()
    with (
        patch("gallop.settings.results_bucket", return_value="no-such-bucket"),
        pytest.raises(AwsTrouble, match="store_stream"),
    ):
        save(sandbox, job)


def test_a_run_that_died_after_storing_is_run_again(sandbox: Sandbox) -> None:
    """The record does not know of the video yet: it is fetched once more, and the record names that version."""
    job = sandbox.storing()
    with patch.object(jobs, "advance", side_effect=AwsTrouble("no")), pytest.raises(AwsTrouble):
        save(sandbox, job)
    assert sandbox.job(job.id).result is None
    save(sandbox, job)
    result = sandbox.job(job.id).result
    assert result
    newest = sandbox.s3.head_object(Bucket=sandbox.results, Key=result.key)["VersionId"]
    assert newest == result.version_id


def test_a_stored_video_is_not_fetched_again(sandbox: Sandbox) -> None:
    """Run again, the step finds its work done."""
    job = sandbox.storing()
    save(sandbox, job)
    calls = len(sandbox.router.calls)
    assert "finish" == save(sandbox, job)["next"]
    assert calls == len(sandbox.router.calls)


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.SUCCEEDED, JobState.FAILED])
def test_only_a_job_that_stores_is_stored(sandbox: Sandbox, state: JobState) -> None:
    """A step that comes late, or early, does nothing."""
    assert "finish" == save(sandbox, sandbox.put(state))["next"]
    assert [] == list(sandbox.router.calls)


def test_the_buckets_parts_are_thrown_away_by_rule(sandbox: Sandbox) -> None:
    """Parts that a killed function leaves behind are not paid for longer than a day."""
    rules = aws("s3").get_bucket_lifecycle_configuration(Bucket=sandbox.results)["Rules"]
    of_parts = [rule["AbortIncompleteMultipartUpload"] for rule in rules if "AbortIncompleteMultipartUpload" in rule]
    assert [1] == [rule["DaysAfterInitiation"] for rule in of_parts]

"""The download from DashScope into the bucket stores a complete, checked MP4 or nothing."""

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

pytestmark = pytest.mark.promise("P4")

VIDEO_URL = "https://dashscope-a717.oss-accelerate.aliyuncs.com/"
MEBIBYTE = 1024 * 1024


def save(sandbox: Sandbox, job: Job) -> dict[str, Any]:
    """Run the step."""
    answer: dict[str, Any] = sandbox.invoke("SaveResultFunction", {"job_id": job.id})
    return answer


def delivers(sandbox: Sandbox, response: Callable[[], httpx.Response]) -> None:
    """Let the address of the video give this answer."""
    sandbox.instead[VIDEO_URL] = lambda _: response()


def assert_nothing_stored(sandbox: Sandbox, job: Job) -> None:
    """Assert that no object, version or part exists, and that the record has no result."""
    found = sandbox.s3.list_object_versions(Bucket=sandbox.results, Prefix=f"{job.receipts}/video")
    uploads = sandbox.s3.list_multipart_uploads(Bucket=sandbox.results)
    assert [] == found.get("Versions", [])
    assert [] == uploads.get("Uploads", [])
    assert sandbox.job(job.id).result is None
    assert JobState.STORING is sandbox.job(job.id).state


def test_the_stored_video_is_the_vendors(sandbox: Sandbox) -> None:
    """It is equal byte by byte, and size, SHA-256, content type and version are recorded."""
    job = sandbox.storing()
    assert {"next": "finish", "wait_seconds": 0, "failure": None} == save(sandbox, job)
    result = sandbox.job(job.id).result
    assert result
    stored = sandbox.result(f"{job.receipts}/video.mp4")
    head = sandbox.s3.head_object(Bucket=sandbox.results, Key=f"{job.receipts}/video.mp4")
    assert stored.startswith(film())
    assert f"task {job.task_id}".encode() in stored
    assert 12 == frames_of(stored)
    assert len(stored) == result.size
    assert hashlib.sha256(stored).hexdigest() == result.sha256
    assert "video/mp4" == result.content_type
    assert head["VersionId"] == result.version_id
    assert sandbox.results == result.bucket
    assert "video/mp4" == head["ContentType"]


def test_the_key_is_not_sent_to_the_videos_host(sandbox: Sandbox) -> None:
    """OSS refuses an Authorization header in addition to a signature, and the host must not see the key."""
    save(sandbox, sandbox.storing())
    (download,) = sandbox.sent(VIDEO_URL)
    assert "GET" == download.method
    assert download.headers.get("Authorization") is None
    assert "identity" == download.headers["Accept-Encoding"]


def test_a_video_without_a_length_is_checked_by_its_boxes(sandbox: Sandbox) -> None:
    """If no length is announced, the chain of boxes shows whether the file is complete."""
    sandbox.fake.fault(on="download", kind="no_content_length")
    job = sandbox.storing()
    save(sandbox, job)
    assert 12 == frames_of(sandbox.result(f"{job.receipts}/video.mp4"))


def test_a_large_video_is_stored_in_parts(sandbox: Sandbox) -> None:
    """Two or more parts are combined in order."""
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
def test_a_truncated_video_is_not_stored(sandbox: Sandbox, kind: str, bytes_: int) -> None:
    """If any part is cut, nothing is stored, the parts are removed, and the next run starts again."""
    sandbox.fake.fault(on="task", kind="result_size", bytes=bytes_)
    sandbox.fake.fault(on="download", kind=kind)
    job = sandbox.storing()
    with pytest.raises(ResultIncomplete, match="The video download was interrupted"):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)
    assert "finish" == save(sandbox, job)["next"]
    assert sandbox.job(job.id).result


def test_a_short_body_of_announced_length_is_not_stored(sandbox: Sandbox) -> None:
    """A complete MP4 of another length than announced is not the expected one."""
    job = sandbox.storing()
    headers = {"Content-Length": str(len(film()) + 5)}
    delivers(sandbox, lambda: httpx.Response(200, headers=headers, stream=Body(lambda: iter([film()]))))
    with pytest.raises(ResultIncomplete, match=rf"has {len(film())} bytes instead of {len(film()) + 5}"):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 31, 40, 2000, len(film()) - 1])
def test_a_body_cut_anywhere_is_not_stored(sandbox: Sandbox, length: int) -> None:
    """No announced length is needed to notice it."""
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
def test_what_is_not_a_video_is_not_stored(sandbox: Sandbox, body: bytes) -> None:
    """A page, an error or another format is refused even if it is announced as video/mp4 with the right length."""
    job = sandbox.storing()
    delivers(sandbox, lambda: httpx.Response(200, headers={"Content-Type": "video/mp4"}, content=body))
    with pytest.raises(ResultUnusable, match="not an MP4 file"):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)


def test_wrong_bytes_stop_the_download_immediately(sandbox: Sandbox) -> None:
    """Gallop does not download a gigabyte of something else."""
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


def test_an_mp4_without_content_is_not_stored(sandbox: Sandbox) -> None:
    """An MP4 needs an index and media data."""
    job = sandbox.storing()
    delivers(sandbox, lambda: httpx.Response(200, content=box(b"ftyp", b"isom") + box(b"moov")))
    with pytest.raises(ResultIncomplete, match="it has no mdat box"):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)


@pytest.mark.parametrize(
    ("kind", "problem"),
    [("403_expired", "returned HTTP 403"), ("500", "returned HTTP 500")],
)
def test_an_address_that_refuses_is_requested_again(sandbox: Sandbox, kind: str, problem: str) -> None:
    """Each run gets the address from DashScope again, so an expired address is not final."""
    sandbox.fake.fault(on="download", kind=kind)
    job = sandbox.storing()
    with pytest.raises(VendorUnavailable, match=problem):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)
    queries = len(sandbox.sent(TASKS_URL))
    assert "finish" == save(sandbox, job)["next"]
    assert queries + 1 == len(sandbox.sent(TASKS_URL))


def test_a_connection_error_is_reported_without_the_address(sandbox: Sandbox) -> None:
    """The address grants access to the video: not even an error repeats it."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    job = sandbox.storing()
    sandbox.instead[VIDEO_URL] = refuse
    with pytest.raises(VendorUnreachable, match=r"^Cannot connect to the result's host \(ConnectError\)\.$"):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)


def test_a_video_is_not_fetched_in_clear(sandbox: Sandbox) -> None:
    """Its address grants access to it; DashScope's hosts serve https as well."""
    job = sandbox.storing()
    output = {"task_status": "SUCCEEDED", "video_url": f"{VIDEO_URL.replace('https', 'http')}1.mp4?Signature=a%2Fb"}
    sandbox.instead[TASKS_URL] = lambda _: httpx.Response(200, json={"output": output})
    sandbox.instead[VIDEO_URL] = lambda _: httpx.Response(404)
    with pytest.raises(VendorUnavailable, match="HTTP 404"):
        save(sandbox, job)
    assert [f"{VIDEO_URL}1.mp4?Signature=a%2Fb"] == [str(request.url) for request in sandbox.sent(VIDEO_URL)]


def test_redirects_are_not_followed(sandbox: Sandbox) -> None:
    """The video is at DashScope's address, and a redirect could lead anywhere."""
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
def test_only_the_vendors_hosts_are_downloaded_from(sandbox: Sandbox, url: str) -> None:
    """An answer that names another host must not lead into a private network."""
    job = sandbox.storing()
    output = {"task_status": "SUCCEEDED", "video_url": url}
    sandbox.instead[TASKS_URL] = lambda _: httpx.Response(200, json={"output": output})
    before = len(sandbox.router.calls)
    with pytest.raises(ResultUnusable, match="is not on one of DashScope's hosts"):
        save(sandbox, job)
    assert before + 1 == len(sandbox.router.calls)
    assert_nothing_stored(sandbox, job)


def test_a_success_without_an_address_is_unusable(sandbox: Sandbox) -> None:
    """DashScope made and charged the video and does not say where it is."""
    sandbox.fake.fault(on="task", kind="succeed_without_url")
    job = sandbox.storing()
    with pytest.raises(ResultUnusable):
        save(sandbox, job)


def test_an_expired_task_is_reported_as_expired(sandbox: Sandbox) -> None:
    """After 24 hours the video cannot be downloaded, and the failure says so."""
    job = sandbox.storing()
    sandbox.clock.advance(25 * 3600)
    with pytest.raises(ResultExpired, match=job.task_id):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)


@pytest.mark.parametrize("kind", ["500", "malformed", "drop"])
def test_a_failed_query_is_left_to_the_workflow(sandbox: Sandbox, kind: str) -> None:
    """The step is run again."""
    job = sandbox.storing()
    sandbox.fake.fault(on="query", kind=kind)
    with pytest.raises(VendorUnavailable):
        save(sandbox, job)
    assert "finish" == save(sandbox, job)["next"]


def test_a_throttled_query_is_left_to_the_workflow(sandbox: Sandbox) -> None:
    """The step is run again, later."""
    job = sandbox.storing()
    sandbox.fake.fault(on="query", kind="429")
    with pytest.raises(VendorThrottled):
        save(sandbox, job)


def test_a_task_that_is_no_longer_finished_is_polled_again(sandbox: Sandbox) -> None:
    """Its status was SUCCEEDED a moment ago."""
    job = sandbox.storing()
    sandbox.instead[TASKS_URL] = lambda _: httpx.Response(200, json={"output": {"task_status": "RUNNING"}})
    with pytest.raises(ResultIncomplete, match="no longer reports the task as finished"):
        save(sandbox, job)


@pytest.mark.parametrize("call", ["create_multipart_upload", "upload_part", "complete_multipart_upload"])
def test_an_error_of_the_bucket_leaves_nothing_behind(sandbox: Sandbox, call: str) -> None:
    """Whatever S3 refuses, there is no partial object, and the step can be run again."""
    job = sandbox.storing()
    client = edges.s3()
    with patch.object(client, call, side_effect=ConnectionResetError), pytest.raises(ConnectionResetError):
        save(sandbox, job)
    assert_nothing_stored(sandbox, job)
    assert "finish" == save(sandbox, job)["next"]


def test_a_missing_bucket_is_an_aws_error(sandbox: Sandbox) -> None:
    """boto3's errors are converted to Gallop's, which the workflow retries."""
    job = sandbox.storing()
    with (
        patch("gallop.settings.results_bucket", return_value="no-such-bucket"),
        pytest.raises(AwsTrouble, match="store_stream"),
    ):
        save(sandbox, job)


def test_a_run_killed_after_storing_is_run_again(sandbox: Sandbox) -> None:
    """The record has no video yet: it is downloaded again, and the record names the new version."""
    job = sandbox.storing()
    with patch.object(jobs, "advance", side_effect=AwsTrouble("no")), pytest.raises(AwsTrouble):
        save(sandbox, job)
    assert sandbox.job(job.id).result is None
    save(sandbox, job)
    result = sandbox.job(job.id).result
    assert result
    newest = sandbox.s3.head_object(Bucket=sandbox.results, Key=result.key)["VersionId"]
    assert newest == result.version_id


def test_a_stored_video_is_not_downloaded_again(sandbox: Sandbox) -> None:
    """A second run of the step finds the video."""
    job = sandbox.storing()
    save(sandbox, job)
    calls = len(sandbox.router.calls)
    assert "finish" == save(sandbox, job)["next"]
    assert calls == len(sandbox.router.calls)


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.SUCCEEDED, JobState.FAILED])
def test_only_a_job_that_stores_is_stored(sandbox: Sandbox, state: JobState) -> None:
    """A step that runs too late or too early does nothing."""
    assert "finish" == save(sandbox, sandbox.put(state))["next"]
    assert [] == list(sandbox.router.calls)


def test_the_bucket_removes_abandoned_parts(sandbox: Sandbox) -> None:
    """Parts that a killed function leaves behind are stored for a day at most."""
    rules = aws("s3").get_bucket_lifecycle_configuration(Bucket=sandbox.results)["Rules"]
    of_parts = [rule["AbortIncompleteMultipartUpload"] for rule in rules if "AbortIncompleteMultipartUpload" in rule]
    assert [1] == [rule["DaysAfterInitiation"] for rule in of_parts]

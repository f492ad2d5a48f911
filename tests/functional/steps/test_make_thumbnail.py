"""The thumbnail of the finished video: a frame that shows something, or none; the video is never changed."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import aws, ranged_file
from gallop.adapters.table import jobs
from gallop.domain.errors import AwsTrouble
from gallop.domain.job import JobState, Result
from gallop.media import frames
from PIL import Image

from tests.support import films

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox

MEBIBYTE = 1024 * 1024


def stored(sandbox: Sandbox, video: bytes) -> Job:
    """Return a job in ``storing`` whose video is in the bucket."""
    job = sandbox.storing()
    key = f"{job.receipts}/video.mp4"
    version = sandbox.s3.put_object(Bucket=sandbox.results, Key=key, Body=video)["VersionId"]
    result = Result(
        bucket=sandbox.results, key=key, version_id=version, size=len(video), sha256="", content_type="video/mp4"
    )
    with sandbox.stack.acting_as("SaveResultFunction"):
        return jobs.advance(job, replace(job, result=result))


def make(sandbox: Sandbox, job: Job) -> Job:
    """Run the step and return the job's new record."""
    assert "finish" == sandbox.invoke("ThumbnailFunction", {"job_id": job.id})["next"]
    return sandbox.job(job.id)


def picture_of(video: bytes) -> Image.Image | None:
    """Return the thumbnail of a video."""
    jpeg = frames.extract(io.BytesIO(video))
    return None if jpeg is None else Image.open(io.BytesIO(jpeg))


def test_the_thumbnail_is_stored_beside_the_video_and_recorded(sandbox: Sandbox) -> None:
    """Size, SHA-256, content type and version are recorded, and the job's state does not change."""
    job = make(sandbox, stored(sandbox, films.film()))
    jpeg = sandbox.result(f"{job.receipts}/thumbnail.jpg")
    head = sandbox.s3.head_object(Bucket=sandbox.results, Key=f"{job.receipts}/thumbnail.jpg")
    expected = Result(
        bucket=sandbox.results,
        key=f"{job.receipts}/thumbnail.jpg",
        version_id=head["VersionId"],
        size=len(jpeg),
        sha256=hashlib.sha256(jpeg).hexdigest(),
        content_type="image/jpeg",
    )
    assert expected == job.thumbnail
    assert JobState.STORING == job.state
    assert "image/jpeg" == head["ContentType"]
    assert "JPEG" == Image.open(io.BytesIO(jpeg)).format


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1920, 1080), (1280, 720)), ((1080, 1920), (720, 1280)), ((1440, 1440), (1280, 1280)), ((640, 480), (640, 480))],
)
def test_a_thumbnail_is_at_most_1280_pixels_long(size: tuple[int, int], expected: tuple[int, int]) -> None:
    """Larger videos are scaled down, smaller ones are not scaled up."""
    picture = picture_of(films.shots(True, size=size, frames=3))
    assert picture
    assert expected == picture.size


@pytest.mark.parametrize(
    "shots",
    [
        (True, True, True),
        (True, False, True),
        (False, True, False),
        (False, False, False, False, True),
        (True, False, False, False, False),
    ],
)
def test_black_frames_are_skipped(shots: tuple[bool, ...]) -> None:
    """A frame that shows something is found anywhere in the video."""
    picture = picture_of(films.shots(*shots))
    assert picture
    assert 180 < max(picture.convert("L").tobytes())


def test_the_frame_at_a_third_is_preferred() -> None:
    """A video without black frames is shown at a third of its length, because its start is often a fade."""
    with patch.object(frames, "_shows_something", return_value=True) as look:
        assert frames.extract(io.BytesIO(films.film(frames=36)))
    assert [0.5] == [call.args[0].time for call in look.call_args_list]


def test_a_video_of_one_colour_gets_a_thumbnail() -> None:
    """If every frame is black, a black frame is used."""
    picture = picture_of(films.shots(False, False))
    assert picture
    assert 16 > max(picture.convert("L").tobytes())


@pytest.mark.parametrize(
    "video",
    [b"", b"nonsense" * 99, films.film()[:900], films.film()[:-900]],
    ids=["empty", "nonsense", "cut off early", "cut off late"],
)
def test_an_undecodable_video_gets_no_thumbnail(sandbox: Sandbox, video: bytes) -> None:
    """The step writes a log line and returns as usual."""
    job = make(sandbox, stored(sandbox, video))
    assert (None, JobState.STORING) == (job.thumbnail, job.state)
    assert f"{job.receipts}/thumbnail.jpg" not in sandbox.results_there()
    assert "no thumbnail" in sandbox.log_lines.getvalue()


def test_the_version_that_was_checked_is_used(sandbox: Sandbox) -> None:
    """A later object under the same key belongs to another job."""
    job = stored(sandbox, films.film())
    sandbox.s3.put_object(Bucket=sandbox.results, Key=f"{job.receipts}/video.mp4", Body=b"something else")
    assert make(sandbox, job).thumbnail


def test_a_second_run_makes_no_second_thumbnail(sandbox: Sandbox) -> None:
    """If its reply was lost, the step is run again and finds the thumbnail."""
    job = make(sandbox, stored(sandbox, films.film()))
    sandbox.clock.advance(10)
    assert job == make(sandbox, job)
    versions = sandbox.s3.list_object_versions(Bucket=sandbox.results, Prefix=f"{job.receipts}/thumbnail.jpg")
    assert 1 == len(versions["Versions"])


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.FAILED, JobState.SUCCEEDED])
def test_only_a_job_with_a_video_gets_a_thumbnail(sandbox: Sandbox, state: JobState) -> None:
    """Without one, nothing happens."""
    job = sandbox.put(state)
    assert job == make(sandbox, job)
    assert [] == sandbox.results_there()


def test_the_thumbnail_of_a_job_that_has_succeeded_is_added_to_its_receipt(sandbox: Sandbox) -> None:
    """The receipt with the video comes first; later it has the thumbnail as well, and nothing else has changed."""
    job = stored(sandbox, films.film())
    assert "succeeded" == sandbox.invoke("FinishFunction", {"job_id": job.id})["state"]
    first = sandbox.receipt(f"{job.receipts}/video.json")
    made = make(sandbox, job)
    assert made.thumbnail
    assert {"state": "succeeded"} == sandbox.invoke("FinishFunction", {"action": "renew", "job_id": job.id})
    renewed = sandbox.receipt(f"{job.receipts}/video.json")
    assert made.thumbnail.sha256 == renewed["thumbnail"]["sha256"]
    assert {**first, "thumbnail": renewed["thumbnail"]} == renewed


@pytest.mark.parametrize("has_thumbnail", [False, True])
def test_the_record_is_closed_with_the_last_receipt(sandbox: Sandbox, *, has_thumbnail: bool) -> None:
    """Until then a delete has to wait: it would leave the thumbnail behind."""
    job = stored(sandbox, films.film())
    sandbox.invoke("FinishFunction", {"job_id": job.id})
    if has_thumbnail:
        make(sandbox, job)
    assert "is_open" in sandbox.records("JOB")[0]
    sandbox.invoke("FinishFunction", {"action": "renew", "job_id": job.id})
    assert "is_open" not in sandbox.records("JOB")[0]


def test_an_earlier_workflow_makes_the_thumbnail_before_the_end(sandbox: Sandbox) -> None:
    """Its execution has no further step: the end writes the last receipt, and closes the record."""
    job = make(sandbox, stored(sandbox, films.film()))
    sandbox.invoke("FinishFunction", {"job_id": job.id})
    assert sandbox.receipt(f"{job.receipts}/video.json")["thumbnail"]
    assert "is_open" not in sandbox.records("JOB")[0]


def test_the_receipts_of_a_job_that_was_deleted_are_not_renewed(sandbox: Sandbox) -> None:
    """A step that is repeated late finds nothing to do."""
    unknown = "job_" + "a" * 26
    assert {"state": "deleted"} == sandbox.invoke("FinishFunction", {"action": "renew", "job_id": unknown})
    assert [] == sandbox.results_there()


def test_an_unknown_action_is_refused(sandbox: Sandbox) -> None:
    """A definition of a later version may name one: its execution fails, and the sweep continues."""
    with pytest.raises(ValueError, match="Unknown action"):
        sandbox.invoke("FinishFunction", {"action": "celebrate", "job_id": "job_" + "a" * 26})


def test_a_missing_video_is_an_aws_error(sandbox: Sandbox) -> None:
    """The bucket's error passes through FFmpeg unchanged, so that the workflow retries."""
    job = stored(sandbox, films.film())
    sandbox.s3.delete_object(Bucket=sandbox.results, Key=job.result.key, VersionId=job.result.version_id)  # type: ignore[union-attr]
    with pytest.raises(AwsTrouble):
        sandbox.invoke("ThumbnailFunction", {"job_id": job.id})


def test_a_large_video_is_read_in_few_parts(sandbox: Sandbox) -> None:
    """Only the needed parts of 40 MB are downloaded, a mebibyte at a time."""
    video = b"".join(films.large_film(40 * MEBIBYTE))
    job = stored(sandbox, video)
    requested: list[int] = []
    client = aws.s3()

    def counted(**request: Any) -> object:  # noqa: ANN401 - of boto3
        first, last = request["Range"].removeprefix("bytes=").split("-")
        requested.append(int(last) - int(first) + 1)
        return get_object(**request)

    get_object = client.get_object
    with patch.object(client, "get_object", counted):
        assert make(sandbox, job).thumbnail
    assert max(requested) <= ranged_file.RANGE_BYTES
    assert len(requested) <= 8

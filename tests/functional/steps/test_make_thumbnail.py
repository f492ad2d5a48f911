"""A picture out of the finished video: one that shows something, or none; the video is never touched."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import aws
from gallop.adapters.s3 import ranged_reader
from gallop.adapters.table import jobs
from gallop.domain.errors import AwsTrouble, WrongState
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
    """Run the step and return the job as it is then."""
    assert "finish" == sandbox.invoke("ThumbnailFunction", {"job_id": job.id})["next"]
    return sandbox.job(job.id)


def picture_of(video: bytes) -> Image.Image | None:
    """Return the picture that a video gets."""
    jpeg = frames.extract(io.BytesIO(video))
    return None if jpeg is None else Image.open(io.BytesIO(jpeg))


def test_the_picture_lies_beside_the_video_and_on_record(sandbox: Sandbox) -> None:
    """Size, SHA-256, content type and version are told, and the job stands where it stood."""
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
    assert (expected, JobState.STORING, "image/jpeg") == (job.thumbnail, job.state, head["ContentType"])
    assert "JPEG" == Image.open(io.BytesIO(jpeg)).format


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1920, 1080), (1280, 720)), ((1080, 1920), (720, 1280)), ((1440, 1440), (1280, 1280)), ((640, 480), (640, 480))],
)
def test_a_picture_is_at_most_1280_pixels_long(size: tuple[int, int], expected: tuple[int, int]) -> None:
    """Larger films are scaled, and smaller ones are not."""
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
def test_black_is_passed_over(shots: tuple[bool, ...]) -> None:
    """Wherever in the film something is to be seen, it is found."""
    picture = picture_of(films.shots(*shots))
    assert picture
    assert 180 < max(picture.convert("L").tobytes())


def test_a_third_of_the_way_is_looked_at_first() -> None:
    """A film that shows something everywhere is shown at a third, not at its start, which is often a fade."""
    with patch.object(frames, "_shows_something", return_value=True) as look:
        assert frames.extract(io.BytesIO(films.film(frames=36)))
    assert [0.5] == [call.args[0].time for call in look.call_args_list]


def test_a_film_of_one_colour_is_shown_as_it_is() -> None:
    """Black all through, and still a frame of that video."""
    picture = picture_of(films.shots(False, False))
    assert picture
    assert 16 > max(picture.convert("L").tobytes())


@pytest.mark.parametrize(
    "video",
    [b"", b"nonsense" * 99, films.film()[:900], films.film()[:-900]],
    ids=["empty", "nonsense", "cut off early", "cut off late"],
)
def test_a_video_that_cannot_be_shown_gets_no_picture(sandbox: Sandbox, video: bytes) -> None:
    """Nothing can be decoded: the step says so in the log, and answers as ever."""
    job = make(sandbox, stored(sandbox, video))
    assert (None, JobState.STORING) == (job.thumbnail, job.state)
    assert f"{job.receipts}/thumbnail.jpg" not in sandbox.results_there()
    assert "no thumbnail" in sandbox.log_lines.getvalue()


def test_the_version_that_was_checked_is_looked_at(sandbox: Sandbox) -> None:
    """A later object under the same key is another job's."""
    job = stored(sandbox, films.film())
    sandbox.s3.put_object(Bucket=sandbox.results, Key=f"{job.receipts}/video.mp4", Body=b"something else")
    assert make(sandbox, job).thumbnail


def test_a_second_run_makes_no_second_picture(sandbox: Sandbox) -> None:
    """The step whose answer was lost is run again, and finds its work done."""
    job = make(sandbox, stored(sandbox, films.film()))
    sandbox.clock.advance(10)
    assert job == make(sandbox, job)
    versions = sandbox.s3.list_object_versions(Bucket=sandbox.results, Prefix=f"{job.receipts}/thumbnail.jpg")
    assert 1 == len(versions["Versions"])


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.FAILED, JobState.SUCCEEDED])
def test_without_a_video_that_waits_for_it_nothing_happens(sandbox: Sandbox, state: JobState) -> None:
    """Only a job in ``storing`` has its picture made."""
    job = sandbox.put(state)
    assert job == make(sandbox, job)
    assert [] == sandbox.results_there()


def test_a_job_that_ends_meanwhile_keeps_its_end(sandbox: Sandbox) -> None:
    """The picture comes too late: nothing of the record changes."""
    job = stored(sandbox, films.film())

    def ends(video: object) -> bytes:
        del video
        sandbox.invoke("FinishFunction", {"job_id": job.id})
        return b"jpeg"

    with patch.object(frames, "extract", ends), pytest.raises(WrongState):
        sandbox.invoke("ThumbnailFunction", {"job_id": job.id})
    assert (JobState.SUCCEEDED, None) == ((after := sandbox.job(job.id)).state, after.thumbnail)


def test_a_video_that_is_gone_is_trouble_with_aws(sandbox: Sandbox) -> None:
    """An error of the bucket comes through FFmpeg as what it is, for the workflow to try again."""
    job = stored(sandbox, films.film())
    sandbox.s3.delete_object(Bucket=sandbox.results, Key=job.result.key, VersionId=job.result.version_id)  # type: ignore[union-attr]
    with pytest.raises(AwsTrouble):
        sandbox.invoke("ThumbnailFunction", {"job_id": job.id})


def test_a_large_video_is_read_in_few_pieces(sandbox: Sandbox) -> None:
    """Of 40 MB only the parts that are needed come here, a mebibyte at a time."""
    video = b"".join(films.large_film(40 * MEBIBYTE))
    job = stored(sandbox, video)
    asked: list[int] = []
    client = aws.s3()

    def counted(**request: Any) -> object:  # noqa: ANN401 - of boto3
        first, last = request["Range"].removeprefix("bytes=").split("-")
        asked.append(int(last) - int(first) + 1)
        return get_object(**request)

    get_object = client.get_object
    with patch.object(client, "get_object", counted):
        assert make(sandbox, job).thumbnail
    assert max(asked) <= ranged_reader.RANGE_BYTES
    assert len(asked) <= 8

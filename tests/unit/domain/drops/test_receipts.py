"""What droppers and clients see of a job."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from gallop.domain import operator_views, remedies, views
from gallop.domain.doors import Door
from gallop.domain.drops import receipts
from gallop.domain.failure_codes import FailureCode
from gallop.domain.faults import Fault, file_fault
from gallop.domain.job import Attempt, AttemptEnd, Failure, Job, JobState, Result
from gallop.domain.placement import Placement
from gallop.domain.remedies import Remedy
from gallop.domain.request.images import StoredImage

from tests.support.jobs import START, a_job, a_request

RESULT = Result(
    bucket="results",
    key="videos/job/video.mp4",
    version_id="v1",
    size=1_048_576,
    sha256="ab" * 32,
    content_type="video/mp4",
)
API_URL = "https://api.example.com"
INTERNAL = ("dashscope", "the secret", "attempt")


def succeeded() -> Job:
    """Return a job with its video."""
    job = a_job(JobState.SUCCEEDED, id="job_" + "a" * 26, ended_at=START + 95.5, updated_at=START + 95.5)
    return replace(job, result=RESULT, cost=Decimal("0.7"), usage={"duration": 5, "SR": 720}, polls=4)


@pytest.mark.parametrize("state", list(JobState))
def test_every_state_has_a_view(state: JobState) -> None:
    """In each state the view is JSON with Gallop's and OpenAI's fields, and without internals."""
    job = a_job(state)
    view = views.job_view(job, START + 10, API_URL)
    assert job.id == view["id"]
    assert "video" == view["object"]
    assert state.value == view["state"]
    assert view["status"] in {"queued", "in_progress", "completed", "failed"}
    assert [] == [word for word in INTERNAL if word in json.dumps(view).lower()]


EU = {"account": "two", "region": "eu-central-1", "price_scope": "mainland China, Global"}
DEFAULT = {"account": "default", "region": "ap-southeast-1", "price_scope": "International"}


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({}, dict.fromkeys(EU)),
        ({"slot_since": START}, DEFAULT),
        (
            {
                "slot_since": START,
                "account": "two",
                "base_url": "https://llm-two.eu-central-1.maas.aliyuncs.com/api/v1",
            },
            EU,
        ),
        ({"slot_since": START, "price_scope": EU["price_scope"]}, {**DEFAULT, "price_scope": EU["price_scope"]}),
    ],
)
def test_a_job_shows_where_it_ran_and_at_which_price(fields: dict[str, Any], where: dict[str, str]) -> None:
    """Clients, droppers and operators see the same, from its slot on; and where it may run, from the start."""
    job = replace(succeeded(), request=a_request(placement=Placement("", {"region": "eu"})), **fields)
    failed = replace(job, state=JobState.FAILED, failure=Failure(FailureCode.INTERNAL_ERROR, "x"))
    shown = [
        views.job_view(job, START, API_URL),
        receipts.status_receipt(job),
        receipts.video_receipt(job),
        receipts.failure_receipt(failed),
        operator_views.summary(job),
    ]
    expected = {**where, "placement": {"account": None, "tags": {"region": "eu"}}}
    assert [expected] * len(shown) == [{name: view[name] for name in expected} for view in shown]


def test_a_finished_job_shows_its_video_and_its_price() -> None:
    """It has the location and size of the video, and its cost."""
    view = views.job_view(succeeded(), START + 100, API_URL)
    expected = {
        "bytes": 1_048_576,
        "sha256": "ab" * 32,
        "content_type": "video/mp4",
        "s3": "s3://results/videos/job/video.mp4",
        "content": f"{API_URL}/v1/videos/{succeeded().id}/content",
    }
    assert expected == view["video"]
    assert 100 == view["progress"]
    assert 0.7 == view["cost"]
    assert 0.7 == view["estimated_cost"]
    assert "USD" == view["currency"]
    assert int(START + 95) == view["completed_at"]
    assert view["error"] is None


def test_an_unfinished_job_has_no_video() -> None:
    """The video is shown after it was checked and stored."""
    assert "video" not in views.job_view(a_job(JobState.STORING), START, API_URL)


def test_progress_grows_until_the_end() -> None:
    """It is 0 before the task runs, grows while it runs, is 99 during the download and 100 at the end."""
    running = [views.progress(a_job(JobState.RUNNING), START + seconds) for seconds in (0, 40, 80, 800)]
    states = (JobState.QUEUED, JobState.SUBMITTING, JobState.STORING, JobState.SUCCEEDED)
    others = [views.progress(a_job(state), START) for state in states]
    assert [0, 0, 99, 100] == others
    assert sorted(running) == running
    assert 0 < running[1] < running[3] <= 95


@pytest.mark.parametrize("state", list(JobState))
def test_waiting_clients_are_given_the_time_of_the_next_poll(state: JobState) -> None:
    """It is immediately if the job has ended, otherwise when the next change is expected."""
    seconds = views.poll_after_seconds(a_job(state), START + 5)
    assert 1 == seconds if state.value in {"succeeded", "failed", "cancelled"} else 3 <= seconds <= 60


def test_the_status_receipt_has_state_and_cost() -> None:
    """While a job runs, its receipt has the state and since when."""
    receipt = receipts.status_receipt(a_job(JobState.RUNNING, id="job_" + "a" * 26))
    expected: dict[str, Any] = {
        "job": "job_" + "a" * 26,
        "state": "running",
        "updated_at": "2026-05-28T20:26:40Z",
        "created_at": "2026-05-28T20:26:40Z",
        "queue_position": None,
        "estimated_start": None,
        "parked": None,
        "account": None,
        "region": None,
        "price_scope": None,
        "placement": None,
        "estimated_cost": 0.7,
        "estimated_cost_detail": None,
        "cost": None,
        "currency": "USD",
        "notes": [],
        "dropped_again_at": None,
        "cancel": None,
        "note": None,
        "provenance": None,
        "error": None,
    }
    assert expected == receipt


def test_the_video_receipt_is_complete() -> None:
    """It has the request, its objects, the task, the cost and the result."""
    image = StoredImage("inbox", "drop/ad/1.jpg", "v7", "cd" * 32)
    job = replace(succeeded(), request=a_request(images=(image,), metadata={"order": 17}), vendor_request_id="r-1")
    receipt = json.loads(json.dumps(receipts.video_receipt(job)))
    source = {"bucket": "inbox", "key": "drop/ad/1.jpg", "version_id": "v7", "sha256": "cd" * 32}
    assert [source] == receipt["request"]["images"]
    assert {"order": 17} == receipt["request"]["metadata"]
    assert {"task_id": "task-1", "request_id": "r-1", "polls": 4} == receipt["task"]
    assert {"duration": 5, "SR": 720} == receipt["usage"]
    assert 1 == receipt["submits"]
    assert 0.7 == receipt["cost"]
    assert "2026-05-28T20:28:15Z" == receipt["completed_at"]
    assert 1_048_576 == receipt["video"]["bytes"]
    assert "ab" * 32 == receipt["video"]["sha256"]
    assert "video/mp4" == receipt["video"]["content_type"]


def test_the_failure_receipt_has_reason_and_remedy() -> None:
    """A job that failed leaves a reason and a remedy."""
    failure = Failure(FailureCode.GENERATION_FAILED, "No video.", "InternalError", "out of memory")
    receipt = receipts.failure_receipt(a_job(JobState.FAILED, failure=failure))
    expected = {
        "code": "generation_failed",
        "message": "No video.",
        "vendor_code": "InternalError",
        "vendor_message": "out of memory",
        "remedy": "Create the job again. You have not been charged.",
    }
    assert expected == receipt["error"]
    assert "failed" == receipt["state"]
    assert "task-1" == receipt["task_id"]


def test_a_remedy_fits_its_door() -> None:
    """Droppers change something and drop again, because equal content is the same job; API clients create again."""
    failure = Failure(FailureCode.VENDOR_THROTTLED, "too many")
    dropped = receipts.failure_receipt(a_job(JobState.FAILED, door=Door.S3, failure=failure))["error"]["remedy"]
    created = receipts.failure_receipt(a_job(JobState.FAILED, failure=failure))["error"]["remedy"]
    assert dropped.startswith(
        "Wait a while, then drop it again with a change, because the same content is the same job"
    )
    assert "Wait a while, then create the job again." == created


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize("remedy", Remedy)
def test_every_remedy_has_a_text_for_every_door(remedy: Remedy, door: Door) -> None:
    """The texts are complete sentences without placeholders."""
    text = remedies.text(remedy, door)
    assert text.endswith(".")
    assert text[0].isupper()
    assert "{" not in text.replace('{"try": 2}', "")


@pytest.mark.parametrize(
    ("attempt", "task_id", "expected"),
    [
        (None, "", "Create the job again. You have not been charged."),
        (Attempt("1", 0, AttemptEnd.UNKNOWN), "", remedies.text(Remedy.SEARCH_CONSOLE, Door.HTTPS)),
        (Attempt("1", 0, AttemptEnd.ACCEPTED), "task-1", remedies.text(Remedy.FIND_TASK, Door.HTTPS, "task-1")),
    ],
)
def test_the_console_is_named_only_if_it_helps(attempt: Attempt | None, task_id: str, expected: str) -> None:
    """Nobody must search for a task that does not exist; a known one is found by its id."""
    failure = Failure(FailureCode.DEADLINE_EXCEEDED, "too late")
    job = a_job(JobState.FAILED, attempt=attempt, task_id=task_id, failure=failure)
    assert expected == receipts.failure_receipt(job)["error"]["remedy"]


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize("code", [code for code in FailureCode if code is not FailureCode.RESULT_EXPIRED])
def test_a_failure_after_the_task_has_succeeded_says_where_the_video_is(code: FailureCode, door: Door) -> None:
    """The video is paid for: its task and the time that is left are named, and no remedy orders it again."""
    job = a_job(JobState.FAILED, door=door, usage={"duration": 5}, cost=Decimal("0.7"), task_id="task-9")
    remedy = receipts.failure_receipt(replace(job, failure=Failure(code, "what happened")))["error"]["remedy"]
    assert [] == [words for words in ("task-9", "charged", "24 hours") if words not in remedy]
    assert [] == [words for words in ("again", "not been charged") if words in remedy]


def test_every_failure_has_a_message() -> None:
    """Even a job that ended without a recorded reason has one."""
    assert "internal_error" == receipts.failure_receipt(a_job(JobState.FAILED))["error"]["code"]


def test_problems_are_reported_by_file() -> None:
    """The receipt of an invalid drop has each problem with its file, detail and remedy."""
    faults = [
        file_fault("1.jpg", "is too small", "use a larger one"),
        Fault("/ratio", "is unknown", "use 16:9", file="job.json"),
    ]
    receipt = receipts.faults_receipt(faults, START)
    assert [
        {"file": "1.jpg", "detail": "is too small", "remedy": "use a larger one"},
        {"file": "job.json", "pointer": "/ratio", "detail": "is unknown", "remedy": "use 16:9"},
    ] == receipt["faults"]
    assert "1.jpg: is too small; job.json /ratio: is unknown" == receipt["error"]["message"]
    assert receipt["job"] is None
    assert "refused" == receipt["state"]
    assert "2026-05-28T20:26:40Z" == receipt["updated_at"]

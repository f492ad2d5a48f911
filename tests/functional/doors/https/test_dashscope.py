"""The HTTPS door's DashScope dialect, compared with the fake DashScope's answers to the same requests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import requests
from gallop.adapters.table import jobs
from gallop.domain.errors import AwsTrouble
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, JobState

from tests.functional.fake_dashscope.sandbox import SUBMIT, order
from tests.support.dashscope import TASKS, Vendor, at_vendor, shape
from tests.support.http import Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox

TOO_LATE = "Failed to cancel the task, please confirm if the task is in PENDING status."


@pytest.fixture
def ada(sandbox: Sandbox) -> Vendor:
    """Return a client."""
    return Vendor(sandbox)


def ended(sandbox: Sandbox, state: JobState, failure: Failure | None = None) -> Job:
    """Record a job that ended in a state."""
    return sandbox.put(state, ended_at=sandbox.clock.now() + 60, failure=failure)


def succeeded(sandbox: Sandbox) -> str:
    """Return the id of a job that has its video."""
    job = sandbox.storing()
    sandbox.invoke("SaveResultFunction", {"job_id": job.id})
    sandbox.invoke("FinishFunction", {"job_id": job.id})
    return job.id


def running(sandbox: Sandbox) -> Job:
    """Record a job whose task runs at DashScope."""
    job = sandbox.submitted()
    sandbox.fake.settle()
    sandbox.clock.advance(5)
    return job


def test_a_submit_creates_a_job(sandbox: Sandbox, ada: Vendor) -> None:
    """The answer is 200 with the job's id as task id; omitted fields get DashScope's defaults; the workflow runs."""
    answer = ada.submit(order(images=2))
    (job,) = sandbox.jobs()
    assert {"task_id": job.id, "task_status": "PENDING"} == answer.json["output"]
    assert (200, answer.headers["x-request-id"]) == (answer.status, answer.json["request_id"])
    assert "ada" == job.client
    assert f"videos/{job.id}" == job.receipts
    assert [job.id] == sandbox.executions()
    assert "1080P" == job.request.resolution
    assert job.request.parameters["watermark"] is True
    assert 2 == len(job.request.images)
    assert "queued" == sandbox.receipt(f"videos/{job.id}/status.json")["state"]


def test_the_task_at_dashscope_is_the_same_as_without_gallop(sandbox: Sandbox, ada: Vendor) -> None:
    """A submit through Gallop creates the same task as a direct submit."""
    body = order(images=3, duration=4, ratio="4:3", seed=11)
    ada.submit(body)
    sandbox.invoke("StartTaskFunction", {"job_id": sandbox.jobs()[0].id})
    assert 200 == at_vendor(sandbox, "POST", SUBMIT, body, x_dashscope_async="enable").status
    ours, theirs = sandbox.tasks()
    same = ("model", "prompt", "images", "parameters")
    assert [theirs[name] for name in same] == [ours[name] for name in same]


def test_answers_have_dashscopes_fields(sandbox: Sandbox, ada: Vendor) -> None:
    """The keys are equal for a submit, a running task and a missing one; one that succeeded also has a provenance."""
    submitted = at_vendor(sandbox, "POST", SUBMIT, order(), x_dashscope_async="enable")
    assert shape(submitted.json) == shape(ada.submit().json)
    theirs = f"{TASKS}/{submitted.json['output']['task_id']}"
    ours = running(sandbox).id
    assert shape(at_vendor(sandbox, "GET", theirs).json) == shape(ada.query(ours).json)
    sandbox.fake.settle()
    sandbox.clock.advance(3600)
    done = ada.query(succeeded(sandbox)).json
    assert done["output"].pop("provenance")
    assert shape(at_vendor(sandbox, "GET", theirs).json) == shape(done)
    nobodys = f"{TASKS}/0f0e0d0c-0b0a-4908-8706-050403020100"
    assert shape(at_vendor(sandbox, "GET", nobodys).json) == shape(ada.query("job_" + "a" * 26).json)


REFUSED: dict[str, tuple[dict[str, Any] | list[Any], str]] = {
    "no list of media": ({**order(), "input": {"prompt": "The woman"}}, "InvalidParameter"),
    "ten images": (order(images=10), "InvalidParameter"),
    "no prompt": ({**order(), "input": {"media": order()["input"]["media"]}}, "InvalidParameter"),
    "bad resolution": (order(resolution="8K"), "InvalidParameter"),
    "bad duration": (order(duration=2), "InvalidParameter"),
    "no input": ({"model": "happyhorse-1.0-r2v"}, "BadRequest.EmptyInput"),
    "no model": ({**order(), "model": ""}, "BadRequest.EmptyModel"),
    "unknown model": (order("no-such-model"), "ModelNotFound"),
    "no object": ([], "InvalidParameter"),
    "an empty object": ({}, "BadRequest.EmptyModel"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_equal_dashscopes(sandbox: Sandbox, ada: Vendor, case: str) -> None:
    """The status, code and fields are DashScope's for the same body, and nothing is started."""
    body, _code = REFUSED[case]
    ours, theirs = ada.submit(body), at_vendor(sandbox, "POST", SUBMIT, body, x_dashscope_async="enable")
    assert theirs.status == ours.status
    assert theirs.json["code"] == ours.json["code"]
    assert theirs.json.keys() == ours.json.keys()
    assert ([], []) == (sandbox.jobs(), sandbox.executions())


def test_all_problems_and_remedies_are_in_one_message(ada: Vendor) -> None:
    """Each problem is located by its place in the body."""
    message = ada.submit(order(duration=2, seed=-1)).json["message"]
    assert (
        "/parameters/duration: must be a whole number from 3 to 15 seconds, not 2. Send a whole number in this range. "
        "/parameters/seed: must be a whole number from 0 to 2,147,483,647, not -1. Send a whole number in this range."
    ) == message


def test_a_call_without_the_async_header_is_refused_first(sandbox: Sandbox, ada: Vendor) -> None:
    """The answer is 403 with DashScope's message."""
    ours = ada.call("SubmitFunction", "POST", SUBMIT, order())
    theirs = at_vendor(sandbox, "POST", SUBMIT, order())
    assert theirs.status == ours.status
    assert theirs.json["code"] == ours.json["code"]
    assert theirs.json["message"] == ours.json["message"]
    assert 403 == ours.status


def test_without_a_key_every_route_answers_as_dashscope_does(sandbox: Sandbox) -> None:
    """The answer is 401 InvalidApiKey, for a missing key and for a wrong one."""
    nobody = Vendor(sandbox, "")
    for answer in (nobody.submit(), nobody.query("job_" + "a" * 26), nobody.cancel("job_" + "a" * 26)):
        assert 401 == answer.status
        assert "InvalidApiKey" == answer.json["code"]
        assert "No API-key provided." == answer.json["message"]
    wrong = nobody.submit(authorization="sk-wrong")
    assert (401, "Invalid API-key provided.") == (wrong.status, wrong.json["message"])


def test_aws_errors_are_reported_as_dashscope_does(ada: Vendor) -> None:
    """When AWS fails, the client gets a retryable code and the time to retry."""
    with patch.object(jobs, "create", side_effect=AwsTrouble("the table is gone")):
        answer = ada.submit()
    assert 503 == answer.status
    assert "ModelUnavailable" == answer.json["code"]
    assert "5" == answer.headers["Retry-After"]
    assert "table" not in answer.text


def test_a_body_that_is_not_json_is_refused(ada: Vendor) -> None:
    """For any bytes the answer is DashScope's 400."""
    for body in (b"", b"{", b"\xff\xfe", b"[" * 100_000):
        assert (400, "InvalidParameter") == (ada.submit(body).status, ada.submit(body).json["code"])


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (JobState.QUEUED, "PENDING"),
        (JobState.SUBMITTING, "PENDING"),
        (JobState.OUTCOME_UNKNOWN, "PENDING"),
        (JobState.RUNNING, "RUNNING"),
        (JobState.STORING, "RUNNING"),
    ],
)
def test_a_job_in_progress_is_shown_in_dashscopes_words(
    sandbox: Sandbox, ada: Vendor, state: JobState, status: str
) -> None:
    """SUCCEEDED is shown only together with an address, because clients stop polling then."""
    answer = ada.query(sandbox.put(state).id)
    assert (200, status) == (answer.status, answer.json["output"]["task_status"])
    assert "video_url" not in answer.json["output"]


def test_a_finished_task_has_an_address_in_the_users_bucket(sandbox: Sandbox, ada: Vendor) -> None:
    """The address returns exactly the stored file; times are in UTC+8."""
    job = sandbox.job(succeeded(sandbox))
    output = ada.query(job.id).json["output"]
    assert sandbox.results in output["video_url"]
    video = requests.get(output["video_url"], timeout=10)
    assert (200, sandbox.result(f"{job.receipts}/video.mp4")) == (video.status_code, video.content)
    assert job.request.prompt == output["orig_prompt"]
    told = datetime.strptime(output["submit_time"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC) - timedelta(hours=8)
    assert job.created_at == pytest.approx(told.timestamp(), abs=0.001)
    usage = ada.query(job.id).json["usage"]
    assert dict(job.usage or {}) == usage


def test_a_failed_task_says_why_inside_a_200(sandbox: Sandbox, ada: Vendor) -> None:
    """If DashScope gave a code, the answer has that code, with DashScope's message only."""
    sandbox.fake.fault(on="task", kind="fail", code="DataInspectionFailed", message="Output data may contain …")
    job = sandbox.submitted()
    sandbox.clock.advance(3600)
    sandbox.invoke(
        "FinishFunction",
        {"job_id": job.id, "step": sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})},
    )
    answer = ada.query(job.id)
    theirs = at_vendor(sandbox, "GET", f"{TASKS}/{sandbox.job(job.id).task_id}").json
    assert 200 == answer.status
    assert theirs["output"] == {**answer.json["output"], "task_id": theirs["output"]["task_id"]}
    assert theirs.keys() == answer.json.keys()


def test_a_refused_submit_has_dashscopes_code(sandbox: Sandbox, ada: Vendor) -> None:
    """A job whose submit was refused is a FAILED task with the refusal's code and its source."""
    sandbox.fake.fault(on="submit", kind="error", code="Arrearage")
    job = sandbox.put()
    sandbox.invoke(
        "FinishFunction", {"job_id": job.id, "step": sandbox.invoke("StartTaskFunction", {"job_id": job.id})}
    )
    output = ada.query(job.id).json["output"]
    assert ("FAILED", "Arrearage") == (output["task_status"], output["code"])
    assert "good standing" in output["message"]


@pytest.mark.parametrize(
    ("code", "vendors"),
    [
        (FailureCode.VENDOR_THROTTLED, "Throttling.RateQuota"),
        (FailureCode.DEADLINE_EXCEEDED, "InternalError.Timeout"),
        (FailureCode.RESULT_EXPIRED, "InternalError.Upload"),
        (FailureCode.OUTCOME_UNKNOWN, "InternalError"),
        (FailureCode.WORKFLOW_LOST, "InternalError"),
    ],
)
def test_our_own_failures_have_the_nearest_dashscope_code(
    sandbox: Sandbox, ada: Vendor, code: FailureCode, vendors: str
) -> None:
    """A client that handles DashScope's codes can react; the message is Gallop's."""
    job = ended(sandbox, JobState.FAILED, Failure(code, "It did not work."))
    output = ada.query(job.id).json["output"]
    assert vendors == output["code"]
    assert output["message"].startswith("It did not work. ")


def test_a_missing_task_is_unknown(sandbox: Sandbox, ada: Vendor) -> None:
    """Unknown ids, ids in DashScope's format and other clients' jobs get HTTP 200 and UNKNOWN."""
    theirs = sandbox.put(JobState.RUNNING, client="bob").id
    for task_id in ("job_" + "a" * 26, "0f0e0d0c-0b0a-4908-8706-050403020100", "x", theirs):
        answer = ada.query(task_id)
        assert (200, {"task_id": task_id, "task_status": "UNKNOWN"}) == (answer.status, answer.json["output"])


def test_a_waiting_job_is_cancelled(sandbox: Sandbox, ada: Vendor) -> None:
    """The answer is 200 with the request id only; the task is CANCELED and its receipts say so."""
    job = sandbox.put(JobState.QUEUED)
    answer = ada.cancel(job.id)
    assert (200, ["request_id"]) == (answer.status, list(answer.json))
    assert "CANCELED" == ada.query(job.id).json["output"]["task_status"]
    assert "cancelled" == sandbox.receipt(f"{job.receipts}/status.json")["state"]


def test_a_task_that_waits_at_dashscope_is_cancelled_there(sandbox: Sandbox, ada: Vendor) -> None:
    """When all of DashScope's workers are busy, the task is PENDING there and is cancelled without charge."""
    sandbox.fake.fault(on="task", kind="never_ends", times=5)
    created = [sandbox.submitted() for _ in range(6)]
    assert 200 == ada.cancel(created[-1].id).status
    assert ["CANCELED"] == [task["status"] for task in sandbox.tasks() if task["task_id"] == created[-1].task_id]


def too_late(sandbox: Sandbox) -> list[Callable[[], str]]:
    """Return ways to create a job that cannot be cancelled any more; each returns its id."""
    return [
        lambda: running(sandbox).id,
        lambda: sandbox.put(JobState.OUTCOME_UNKNOWN).id,
        lambda: ended(sandbox, JobState.CANCELLED).id,
        lambda: ended(sandbox, JobState.FAILED, Failure(FailureCode.OUTCOME_UNKNOWN, "Lost.")).id,
        lambda: sandbox.put(JobState.QUEUED, client="bob").id,
        lambda: "no-such-task",
    ]


def test_what_cannot_be_cancelled_is_refused_in_dashscopes_words(sandbox: Sandbox, ada: Vendor) -> None:
    """A job that is too late, over, another client's or missing gets 400 UnsupportedOperation, and nothing changes."""
    for make in too_late(sandbox):
        task_id = make()
        before = sandbox.jobs()
        answer = ada.cancel(task_id)
        assert 400 == answer.status
        assert "UnsupportedOperation" == answer.json["code"]
        assert TOO_LATE == answer.json["message"]
        assert before == sandbox.jobs()
    theirs = at_vendor(sandbox, "POST", f"{TASKS}/no-such-task/cancel")
    assert 400 == theirs.status
    assert "UnsupportedOperation" == theirs.json["code"]
    assert TOO_LATE == theirs.json["message"]


def test_the_native_door_shows_the_same_job(sandbox: Sandbox, ada: Vendor) -> None:
    """A task's id is its job's id."""
    task_id = ada.submit().json["output"]["task_id"]
    assert task_id == Client(sandbox).get(f"/v1/videos/{task_id}").json["id"]


def test_a_trailing_slash_is_ignored(sandbox: Sandbox, ada: Vendor) -> None:
    """The package's asynchronous calls add one."""
    headers = {"x-dashscope-async": "enable"}
    task_id = ada.call("SubmitFunction", "POST", f"{SUBMIT}/", order(), headers).json["output"]["task_id"]
    assert task_id == ada.query(f"{task_id}/").json["output"]["task_id"]
    assert 200 == ada.call("VideosFunction", "POST", f"{TASKS}/{task_id}/cancel/").status
    assert JobState.CANCELLED is sandbox.job(task_id).state


def test_unsupported_routes_are_refused_in_dashscopes_format(ada: Vendor) -> None:
    """Another service or method gets a 404 with the fields of DashScope's errors."""
    calls = (
        ada.call("SubmitFunction", "POST", "/api/v1/services/aigc/text-generation/generation", {}),
        ada.call("VideosFunction", "POST", f"{TASKS}/x/pause"),
    )
    for answer in calls:
        assert 404 == answer.status
        assert "NotFound" == answer.json["code"]
        assert ["code", "message", "request_id"] == list(answer.json)


def test_a_local_file_is_refused_with_an_alternative(ada: Vendor) -> None:
    """The package requests an upload location and shows the answer to its caller."""
    answer = ada.call("VideosFunction", "GET", "/api/v1/uploads")
    assert (400, "UnsupportedOperation") == (answer.status, answer.json["code"])
    assert "data:image/jpeg;base64" in answer.json["message"]


# ---------------------------------------------------------------- equal content


def ids(sandbox: Sandbox) -> set[str]:
    """Return the ids of all jobs."""
    return {job.id for job in sandbox.jobs()}


def test_equal_content_is_the_same_job_for_eleven_minutes(sandbox: Sandbox, ada: Vendor) -> None:
    """DashScope's package repeats a submit unmarked for up to 616 s; after 660 s it is a new request."""
    first = ada.submit().json["output"]
    sandbox.clock.advance(650)
    assert first == ada.submit().json["output"]
    assert ([first["task_id"]], {first["task_id"]}) == (sandbox.executions(), ids(sandbox))
    sandbox.clock.advance(15)
    assert first != ada.submit().json["output"]
    assert 2 == len(sandbox.executions())


def test_other_content_or_another_client_is_another_job(sandbox: Sandbox, ada: Vendor) -> None:
    """A different seed is enough to request another video."""
    answers = [ada.submit(), ada.submit(order(seed=1)), ada.submit(order(seed=2)), Vendor(sandbox, "bob").submit()]
    assert 4 == len({answer.json["output"]["task_id"] for answer in answers})


def test_an_idempotency_key_takes_precedence(sandbox: Sandbox, ada: Vendor) -> None:
    """Other keys are other jobs, whatever their content; the same key with other content is refused."""
    first, second = (ada.submit(idempotency_key=key).json["output"] for key in ("a", "b"))
    assert first != second
    assert first == ada.submit(idempotency_key="a").json["output"]
    assert (422, "InvalidParameter") == (
        (answer := ada.submit(order(seed=3), idempotency_key="a")).status,
        answer.json["code"],
    )
    assert {first["task_id"], second["task_id"]} == ids(sandbox)


def test_a_job_that_ended_uncharged_may_be_requested_again(sandbox: Sandbox, ada: Vendor) -> None:
    """After a cancel, equal content is a new job, which is itself protected from a second POST."""
    first = ada.submit().json["output"]["task_id"]
    ada.cancel(first)
    second = ada.submit().json["output"]["task_id"]
    assert first != second
    assert second == ada.submit().json["output"]["task_id"]
    assert {first, second} == ids(sandbox)


def test_a_retry_does_not_repeat_a_job_that_may_have_been_charged(sandbox: Sandbox, ada: Vendor) -> None:
    """A job that ended without a video but perhaps with a charge is still the answer to equal content."""
    task_id = ada.submit().json["output"]["task_id"]
    failure = {"code": "outcome_unknown", "message": "Lost.", "remedy": "Look.", "vendor_code": ""}
    sandbox.invoke("FinishFunction", {"job_id": task_id, "step": {"failure": failure}})
    assert JobState.FAILED is sandbox.job(task_id).state
    assert task_id == ada.submit().json["output"]["task_id"]
    assert {task_id} == ids(sandbox)


def test_priority_is_that_of_the_native_door(sandbox: Sandbox, ada: Vendor) -> None:
    """DashScope has no priority; if the parameters have one, it applies to Gallop's queue."""
    ada.submit(order(priority=9))
    (job,) = sandbox.jobs()
    assert 9 == job.request.priority
    refused = ada.submit(order(priority=10))
    assert (400, "InvalidParameter") == (refused.status, refused.json["code"])
    assert "/parameters/priority" in refused.json["message"]

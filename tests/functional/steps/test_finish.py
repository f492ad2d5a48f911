"""The end of a job: its terminal state and its last receipts."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters.table import jobs
from gallop.domain import errors
from gallop.domain.errors import AwsTrouble, GallopError, Stranded, WrongState
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, JobState
from gallop.domain.request.images import StoredImage
from gallop.domain.views import error_view
from gallop.steps.finish import FINAL, MAX_UNPAID_RESUMES

from fake_dashscope import KEY
from tests.support.jobs import a_request

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox

FAILURE = Failure(
    FailureCode.GENERATION_FAILED, "DashScope could not make the video.", "DataInspectionFailed", "moderation said no"
)
NAMES = sorted(
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, GallopError) and kind is not AwsTrouble
)


def finish(sandbox: Sandbox, job: Job, **event: Any) -> str:  # noqa: ANN401 - JSON
    """Run the step and return the resulting state."""
    state: str = sandbox.invoke("FinishFunction", {"job_id": job.id, **event})["state"]
    return state


def caught(name: str, message: str = "what happened") -> dict[str, Any]:
    """Return the state into which the workflow's Catch puts an error."""
    cause = {"errorMessage": message, "errorType": name, "stackTrace": ["secret lines"]}
    return {"error": {"Error": name, "Cause": json.dumps(cause)}}


def stored(sandbox: Sandbox) -> Job:
    """Return a job whose video is stored and checked."""
    job = sandbox.storing()
    sandbox.invoke("SaveResultFunction", {"job_id": job.id})
    return sandbox.job(job.id)


def test_a_stored_video_makes_the_job_succeed(sandbox: Sandbox) -> None:
    """The record, video.json and status.json show it, and there is no error.json."""
    job = stored(sandbox)
    assert "succeeded" == finish(sandbox, job, step={"next": "finish", "wait_seconds": 0, "failure": None})
    ended = sandbox.job(job.id)
    assert JobState.SUCCEEDED == ended.state
    assert ended.failure is None
    assert sandbox.clock.now() == ended.ended_at
    assert ["status.json", "video.json", "video.mp4"] == [key.rpartition("/")[2] for key in sandbox.results_there()]
    details = sandbox.receipt(f"{job.receipts}/video.json")
    assert job.id == details["job"]
    assert job.task_id == details["task"]["task_id"]
    assert 0.7 == details["cost"]
    assert "succeeded" == sandbox.receipt(f"{job.receipts}/status.json")["state"]


def test_the_failure_of_a_step_is_the_failure_of_the_job(sandbox: Sandbox) -> None:
    """The step's message is in the record and in error.json."""
    job = sandbox.put(JobState.RUNNING)
    assert "failed" == finish(sandbox, job, step={"next": "finish", "wait_seconds": 0, "failure": asdict(FAILURE)})
    ended = sandbox.job(job.id)
    assert FAILURE == ended.failure
    receipt = sandbox.receipt(f"{job.receipts}/error.json")
    assert "failed" == receipt["state"]
    assert error_view(ended) == receipt["error"]
    assert error_view(ended) == sandbox.receipt(f"{job.receipts}/status.json")["error"]
    assert "moderation said no" == receipt["error"]["vendor_message"]


@pytest.mark.parametrize("name", NAMES)
def test_every_error_class_becomes_a_failure(sandbox: Sandbox, name: str) -> None:
    """The class determines the code, the message says what happened, and the stack trace stays in the log."""
    job = sandbox.put(JobState.QUEUED)
    assert "failed" == finish(sandbox, job, **caught(name))
    failure = sandbox.job(job.id).failure
    code = getattr(errors, name).code
    expected = (
        Failure(code, "what happened")
        if isinstance(code, FailureCode)
        else Failure(FailureCode.INTERNAL_ERROR, f"A step of the workflow failed ({name}).")
    )
    assert expected == failure
    assert "secret lines" not in str(sandbox.receipt(f"{job.receipts}/error.json"))


def test_an_aws_error_is_reported_without_internals(sandbox: Sandbox) -> None:
    """AWS's message names resources of the stack: it belongs in the log only."""
    job = sandbox.put(JobState.QUEUED, resumes=MAX_UNPAID_RESUMES)
    finish(sandbox, job, **caught("AwsTrouble", "role/gallop-Finish may not write to gallop-results"))
    expected = Failure(FailureCode.AWS_TROUBLE, "An AWS service returned an error.")
    assert expected == sandbox.job(job.id).failure


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("States.Timeout", "timed_out"),
        ("Sandbox.Timedout", "timed_out"),
        ("States.TaskFailed", "internal_error"),
        ("Lambda.Unknown", "internal_error"),
        ("Runtime.ExitError", "internal_error"),
        ("KeyError", "internal_error"),
        ("Fault", "internal_error"),
        ("annotations", "internal_error"),
        ("", "internal_error"),
    ],
)
def test_an_unhandled_exception_is_reported_plainly(sandbox: Sandbox, name: str, code: str) -> None:
    """A step that failed or timed out ends the job with a reason, without its message, which may contain anything."""
    job = sandbox.put(JobState.QUEUED, resumes=MAX_UNPAID_RESUMES)
    finish(sandbox, job, **caught(name, "a secret: smiles"))
    failure = sandbox.job(job.id).failure
    assert failure
    assert (code, False) == (failure.code, "smiles" in failure.message)


@pytest.mark.parametrize("name", ["AwsTrouble", "States.Timeout", "Sandbox.Timedout", "Lambda.Unknown"])
def test_an_aws_error_alone_ends_no_job_that_has_time(sandbox: Sandbox, name: str) -> None:
    """Nothing was charged yet, and the job is valid: its owner could only request the same again."""
    job = sandbox.put(JobState.QUEUED, resumes=MAX_UNPAID_RESUMES - 1)
    with pytest.raises(Stranded):
        finish(sandbox, job, **caught(name))
    assert JobState.QUEUED is sandbox.job(job.id).state


@pytest.mark.parametrize("state", [JobState.SUBMITTING, JobState.OUTCOME_UNKNOWN, JobState.RUNNING, JobState.STORING])
@pytest.mark.parametrize("name", ["KeyError", "", "States.TaskFailed", "VendorRefused", "VendorUnavailable"])
def test_only_a_verdict_ends_a_job_that_may_have_a_task(sandbox: Sandbox, state: JobState, name: str) -> None:
    """Its failure is kept for the deadline, and the sweep resumes it after a pause."""
    job = sandbox.put(state, resumes=2)
    with pytest.raises(Stranded):
        finish(sandbox, job, **caught(name))
    interrupted = sandbox.job(job.id)
    assert (state, None) == (interrupted.state, interrupted.failure)
    assert interrupted.interruption
    assert sandbox.clock.now() + 480 == interrupted.interruption.resume_at


@pytest.mark.parametrize("name", FINAL)
def test_a_verdict_ends_a_job(sandbox: Sandbox, name: str) -> None:
    """What is wrong with the video does not change with another execution."""
    assert "failed" == finish(sandbox, sandbox.put(JobState.STORING), **caught(name))


def test_an_error_after_the_deadline_ends_a_job(sandbox: Sandbox) -> None:
    """Every job ends."""
    job = sandbox.put(JobState.RUNNING, deadline=sandbox.clock.now())
    assert "failed" == finish(sandbox, job, **caught("KeyError"))


@pytest.mark.parametrize("cause", ["", "not JSON", "[]", "7", '{"message": "x"}'])
def test_an_unreadable_cause_does_not_prevent_the_end(sandbox: Sandbox, cause: str) -> None:
    """The job ends whatever the cause contains."""
    job = sandbox.put(JobState.RUNNING)
    finish(sandbox, job, error={"Error": "ResultUnusable", "Cause": cause})
    failure = sandbox.job(job.id).failure
    assert failure
    assert ("result_unusable", "No reason was given.") == (failure.code, failure.message)


def test_an_error_takes_precedence_over_an_earlier_step(sandbox: Sandbox) -> None:
    """The step before the error succeeded."""
    job = sandbox.put(JobState.QUEUED, resumes=MAX_UNPAID_RESUMES)
    finish(sandbox, job, step={"next": "wait", "wait_seconds": 5, "failure": None}, **caught("AwsTrouble"))
    failure = sandbox.job(job.id).failure
    assert failure
    assert "aws_trouble" == failure.code


def test_a_stored_video_takes_precedence_over_an_error(sandbox: Sandbox) -> None:
    """It was made, charged, checked and stored: a later error does not change that."""
    job = stored(sandbox)
    assert "succeeded" == finish(sandbox, job, **caught("States.Timeout"))
    assert sandbox.job(job.id).failure is None


def test_no_video_and_no_reason_is_a_failure(sandbox: Sandbox) -> None:
    """No job succeeds by default."""
    job = sandbox.put(JobState.QUEUED)
    assert "failed" == finish(sandbox, job, step={"next": "finish", "wait_seconds": 0, "failure": None})
    failure = sandbox.job(job.id).failure
    assert failure
    assert "internal_error" == failure.code


@pytest.mark.parametrize("state", [state for state in JobState if state.value not in {"succeeded", "cancelled"}])
def test_a_job_can_fail_from_every_state(sandbox: Sandbox, state: JobState) -> None:
    """The job ends whatever state it had."""
    assert "failed" == finish(sandbox, sandbox.put(state), step={"failure": asdict(FAILURE)})


def test_a_second_run_does_the_same(sandbox: Sandbox) -> None:
    """The state, the receipts and the time of the end stay the same."""
    job = stored(sandbox)
    finish(sandbox, job, step={"failure": None})
    before, receipt = sandbox.job(job.id), sandbox.receipt(f"{job.receipts}/video.json")
    sandbox.clock.advance(1000)
    assert "succeeded" == finish(sandbox, job, step={"failure": None})
    assert (before, receipt) == (sandbox.job(job.id), sandbox.receipt(f"{job.receipts}/video.json"))


@pytest.mark.parametrize("event", [{"step": {"failure": asdict(FAILURE)}}, caught("AwsTrouble")])
def test_a_terminal_state_never_changes(sandbox: Sandbox, event: dict[str, Any]) -> None:
    """A late failure does not change a job that has succeeded."""
    job = stored(sandbox)
    finish(sandbox, job, step={"failure": None})
    assert "succeeded" == finish(sandbox, job, **event)
    assert "error.json" not in "".join(sandbox.results_there())


def test_a_run_killed_before_its_receipts_is_completed(sandbox: Sandbox) -> None:
    """If the record has ended and the receipts are missing, the next run writes them."""
    job = stored(sandbox)
    with patch("gallop.services.publish.receipts.video_receipt", side_effect=MemoryError), pytest.raises(MemoryError):
        finish(sandbox, job, step={"failure": None})
    assert JobState.SUCCEEDED is sandbox.job(job.id).state
    finish(sandbox, job, step={"failure": None})
    assert "succeeded" == sandbox.receipt(f"{job.receipts}/status.json")["state"]


def test_two_ends_at_once_are_one(sandbox: Sandbox) -> None:
    """The second one finds the job ended, and writes its receipts."""
    job = stored(sandbox)
    ended = jobs.advance

    def overtaken(before: Job, after: Job) -> Job:
        ended(before, after)
        raise WrongState("overtaken")

    with patch.object(jobs, "advance", overtaken):
        assert "succeeded" == finish(sandbox, job, step={"failure": None})
    assert "succeeded" == sandbox.receipt(f"{job.receipts}/status.json")["state"]


def test_a_job_that_has_moved_on_is_not_ended(sandbox: Sandbox) -> None:
    """If the record contradicts this run and the job has not ended, the step fails and the workflow decides."""
    job = sandbox.put(JobState.RUNNING)
    with patch.object(jobs, "advance", side_effect=WrongState("moved on")), pytest.raises(WrongState):
        finish(sandbox, job, step={"failure": asdict(FAILURE)})


def test_a_missing_job_needs_no_end(sandbox: Sandbox) -> None:
    """It was deleted right after its cancel: nothing is left to notify, and no alarm is needed."""
    assert {"state": "deleted"} == sandbox.invoke("FinishFunction", {"job_id": "job_" + "a" * 26})
    assert [] == sandbox.jobs()


def test_receipts_contain_no_secret(sandbox: Sandbox) -> None:
    """The receipts of a success and of a failure have no key, no signed address and no internals."""
    image = StoredImage(sandbox.inbox, "drop/ad/1.jpg", "v1", "hash")
    succeeded, failed = sandbox.storing(request=a_request(images=(image,))), sandbox.put(JobState.RUNNING)
    sandbox.invoke("SaveResultFunction", {"job_id": succeeded.id})
    finish(sandbox, succeeded, step={"failure": None})
    finish(sandbox, failed, **caught("ResultUnusable"))
    texts = [sandbox.result(key).decode() for key in sandbox.results_there() if key.endswith(".json")]
    forbidden = (KEY, "Signature", "X-Amz", "aliyuncs", "secretsmanager", "attempt-1", "stackTrace")
    assert 4 == len(texts)
    assert [] == [word for word in forbidden for text in texts if word in text]


def test_receipts_are_readable_json(sandbox: Sandbox) -> None:
    """They are UTF-8, with a content type that browsers display, and are not cached, because they change."""
    job = sandbox.put(JobState.RUNNING, receipts="spring ad/Grüße 🐎")
    finish(sandbox, job, step={"failure": {**asdict(FAILURE), "message": "世界"}})
    head = sandbox.s3.head_object(Bucket=sandbox.results, Key="spring ad/Grüße 🐎/error.json")
    assert ("application/json", "no-cache") == (head["ContentType"], head["CacheControl"])
    assert "世界" in sandbox.result("spring ad/Grüße 🐎/error.json").decode()

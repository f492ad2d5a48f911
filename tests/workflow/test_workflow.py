"""From the paid request to the last receipt, and every way in which that can fail."""

from __future__ import annotations

import json
from itertools import repeat
from typing import TYPE_CHECKING, Any
from unittest.mock import DEFAULT, patch

import httpx
import pytest
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.table import jobs
from gallop.domain import errors
from gallop.domain.errors import AwsTrouble, GallopError, TryAgain
from gallop.domain.job import AttemptEnd, JobState, is_terminal
from gallop.domain.views import error_view
from gallop.services import publish
from gallop.steps import finish as steps
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from tests.support.drops import Door
from tests.support.films import frames_of
from tests.support.http import Client
from tests.support.pictures import picture
from tests.support.sandbox import SUBMIT_URL
from tests.support.stack import aws
from tests.testbed.aws.account import ACCOUNT, REGION
from tests.workflow.runs import lambda_error

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.workflow.runs import Runs

# Entered and left: the wait, the run that polls with its three events of the call, the choice.
EVENTS_OF_A_RUN = 9
STEPS = ("StartTaskFunction", "StatusFunction", "SaveResultFunction")
LAMBDAS_OWN = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
]


def assert_succeeded(runs: Runs, job: Job) -> None:
    """Assert that the job has its complete video, for one charge, and that its receipts say so."""
    assert JobState.SUCCEEDED is job.state, job.failure
    assert job.result
    stored = runs.sandbox.result(job.result.key)
    assert f"task {job.task_id}".encode() in stored
    assert 12 == frames_of(stored)
    assert ("succeeded", "SUCCEEDED") == (
        runs.sandbox.receipt(f"{job.receipts}/status.json")["state"],
        runs.execution(job.id)["status"],
    )
    assert job.result.sha256 == runs.sandbox.receipt(f"{job.receipts}/video.json")["video"]["sha256"]
    assert [5] == [task["billed_seconds"] for task in runs.sandbox.tasks() if task["billed_seconds"]]


def assert_failed(runs: Runs, job: Job, code: str) -> None:
    """Assert that the job failed with a code that its receipt shows: an outcome, not a failed execution."""
    assert JobState.FAILED is job.state
    assert job.failure
    error = runs.sandbox.receipt(f"{job.receipts}/error.json")["error"]
    assert error["remedy"]
    assert code == job.failure.code
    assert error_view(job) == error
    assert "SUCCEEDED" == runs.execution(job.id)["status"]
    assert [] == [key for key in runs.sandbox.results_there() if key.endswith("video.mp4")]


def submits(runs: Runs) -> int:
    """Return the number of POSTs that were sent to DashScope."""
    return len(runs.sandbox.sent(SUBMIT_URL))


def test_a_job_of_the_https_door_runs_to_its_video(runs: Runs) -> None:
    """There is one POST, a few polls and one download, and the client is redirected to the video."""
    ada = Client(runs.sandbox)
    answer = ada.post({"prompt": "The woman of [Image 1] smiles.", "images": ["https://example.com/girl.jpg"]})
    job = runs.sandbox.job(answer.json["id"])
    assert_succeeded(runs, job)
    asked = runs.calls()["StatusFunction"]
    asking = ["WaitForTask", "AskStatus"] * asked
    expected = ["WaitForSlot", "StartTask", *asking, "SaveResult", "Finish", "MakeThumbnail", "RenewReceipts"]
    assert expected == runs.states(job.id)
    assert {
        "TakeSlotFunction": 1,
        "StartTaskFunction": 1,
        "StatusFunction": asked,
        "SaveResultFunction": 1,
        "ThumbnailFunction": 1,
        "FinishFunction": 2,
        "DeliverFunction": 1,
    } == runs.calls()
    assert (1, 1) == (submits(runs), runs.sandbox.requests()["download"])
    assert 302 == ada.get(f"/v1/videos/{job.id}/content").status


def test_a_job_of_the_s3_door_runs_to_its_video(runs: Runs) -> None:
    """The receipts and the video have the path of the drop."""
    runs.sandbox.drop("drop/spring ad/1.jpg", picture())
    runs.sandbox.drop("drop/spring ad/prompt.txt", b"The woman of [Image 1] smiles.")
    Door(runs.sandbox).run(60)
    (job,) = runs.sandbox.jobs()
    assert_succeeded(runs, job)
    names = ("status.json", "thumbnail.jpg", "video.json", "video.mp4")
    assert [f"spring ad/{name}" for name in names] == runs.sandbox.results_there()


def test_the_status_is_updated_along_the_way(runs: Runs) -> None:
    """At each step the receipt has the job's state."""
    seen = []
    put = publish.status

    def noted(job: Job, *, is_renewed: bool = False) -> Job:
        seen.append(job.state)
        return put(job, is_renewed=is_renewed)

    with patch.object(publish, "status", noted):
        runs.run()
    assert ["running", "storing", "succeeded"] == list(dict.fromkeys(state.value for state in seen))


def test_waits_come_from_the_status_function(runs: Runs) -> None:
    """The first poll comes when the task may have ended."""
    started = runs.sandbox.clock.now()
    job = runs.run()
    queries = [call.request for call in runs.sandbox.router.calls if "/tasks/" in str(call.request.url)]
    assert len(queries) == job.polls + 1
    assert job.ended_at
    assert 23 <= job.ended_at - started <= 3600


@pytest.mark.parametrize("code", ["DataInspectionFailed", "InternalError.Algo"])
def test_a_task_that_fails_fails_the_job(runs: Runs, code: str) -> None:
    """Nothing is downloaded or charged."""
    runs.sandbox.fake.fault(on="task", kind="fail", code=code, message="No.")
    job = runs.run()
    assert_failed(runs, job, "generation_failed")
    assert [0] == [task["billed_seconds"] for task in runs.sandbox.tasks()]


@pytest.mark.parametrize("code", ["InvalidApiKey", "Arrearage", "PostpaidBillOverdue", "InvalidParameter"])
def test_a_refused_submit_fails_the_job_immediately(runs: Runs, code: str) -> None:
    """A request that DashScope would refuse again is not repeated."""
    runs.sandbox.fake.fault(on="submit", kind="error", code=code, rate=1)
    assert_failed(runs, runs.run(), "vendor_refused")
    assert (1, []) == (submits(runs), runs.sandbox.tasks())


def test_an_unreachable_vendor_is_tried_for_a_while(runs: Runs) -> None:
    """After 25 minutes of attempts that were never sent the job ends, with nothing charged."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    runs.sandbox.instead[SUBMIT_URL] = refuse
    job = runs.run()
    assert_failed(runs, job, "vendor_unreachable")
    assert 31 == submits(runs)
    assert 31 == job.submits
    assert [] == runs.sandbox.tasks()
    assert job.attempt
    assert AttemptEnd.REFUSED is job.attempt.end


def test_a_vendor_that_recovers_is_reached(runs: Runs) -> None:
    """A short outage only costs time."""
    left = [3]

    def refuse_at_first(request: httpx.Request) -> httpx.Response:
        left[0] -= 1
        if left[0] >= 0:
            raise httpx.ConnectTimeout("slow", request=request)
        return runs.sandbox.fake.handle(request)

    runs.sandbox.instead[SUBMIT_URL] = refuse_at_first
    assert_succeeded(runs, runs.run())
    assert 4 == submits(runs)


@pytest.mark.parametrize("times", [1, 5, 15])
def test_a_throttled_submit_is_repeated(runs: Runs, times: int) -> None:
    """A 429 created no task: there is one more POST for each, and one task in the end."""
    runs.sandbox.fake.fault(on="submit", kind="429", times=times)
    assert_succeeded(runs, runs.run())
    assert (times + 1, 1) == (submits(runs), len(runs.sandbox.tasks()))


def test_endless_throttling_ends_the_job(runs: Runs) -> None:
    """The deadline ends it, not a number of tries; nothing was charged, and the message says so."""
    runs.sandbox.fake.fault(on="submit", kind="429", rate=1)
    job = runs.run()
    assert_failed(runs, job, "deadline_exceeded")
    assert "You have not been charged." in runs.sandbox.receipt(f"{job.receipts}/error.json")["error"]["remedy"]
    assert [] == runs.sandbox.tasks()
    assert submits(runs) > 16


@pytest.mark.parametrize("kind", ["drop_after_accept", "500_after_accept", "stall_after_accept", "unreadable_200"])
def test_the_task_of_a_lost_reply_is_found(runs: Runs, kind: str) -> None:
    """The reconciler finds the task, and there is no second POST."""
    runs.sandbox.fake.fault(on="submit", kind=kind)
    job = runs.run()
    assert_succeeded(runs, job)
    assert 1 == submits(runs)
    assert 1 == len(runs.sandbox.tasks())
    assert job.is_adopted is True
    assert "Reconcile" in runs.states(job.id)


@pytest.mark.parametrize("kind", ["drop_before_accept", "502_html"])
def test_a_submit_that_created_no_task_is_finally_repeated(runs: Runs, kind: str) -> None:
    """If DashScope's list shows no task after a safe time, there is a second POST, and one task."""
    runs.sandbox.fake.fault(on="submit", kind=kind)
    job = runs.run()
    assert_succeeded(runs, job)
    assert (2, 1) == (submits(runs), len(runs.sandbox.tasks()))


@pytest.mark.parametrize("kind", ["drop", "stall", "500", "429", "malformed"])
def test_unanswered_polls_are_waited_out(runs: Runs, kind: str) -> None:
    """Polling never fails a job."""
    runs.sandbox.fake.fault(on="query", kind=kind, times=8)
    job = runs.run()
    assert_succeeded(runs, job)
    assert job.polls > 8
    assert 1 == submits(runs)


@pytest.mark.parametrize("kind", ["truncate", "stall", "403_expired", "500", "wrong_bytes"])
def test_a_failed_download_is_repeated(runs: Runs, kind: str) -> None:
    """The stored video is complete, and was charged once."""
    runs.sandbox.fake.fault(on="download", kind=kind, times=3)
    assert_succeeded(runs, runs.run())
    assert (4, 1) == (runs.sandbox.requests()["download"], submits(runs))


def test_a_result_that_is_no_video_ends_the_job(runs: Runs) -> None:
    """Nothing appears in the bucket, and the failure names the problem."""
    runs.sandbox.fake.fault(on="download", kind="wrong_bytes", rate=1)
    assert_failed(runs, runs.run(), "result_unusable")
    assert [] == runs.sandbox.s3.list_multipart_uploads(Bucket=runs.sandbox.results).get("Uploads", [])


def test_a_download_that_is_never_complete_ends_the_job_at_its_deadline(runs: Runs) -> None:
    """No partial object appears in the bucket, and the failure names the problem."""
    runs.sandbox.fake.fault(on="download", kind="truncate", rate=1)
    job = runs.run()
    while not is_terminal(job.state):
        runs.sandbox.clock.advance(900)
        runs.sandbox.invoke("ReconcileFunction", {"action": "sweep"})
        job = runs.sandbox.job(job.id)
    assert job.failure
    assert ("result_incomplete", True) == (job.failure.code, job.deadline <= runs.sandbox.clock.now())
    assert [] == runs.sandbox.s3.list_multipart_uploads(Bucket=runs.sandbox.results).get("Uploads", [])


def test_a_bug_before_the_submit_fails_the_job_with_a_reason(runs: Runs) -> None:
    """A bug does not leave a job without an end, and its client learns at once that nothing was charged."""
    runs.breaks("StartTaskFunction", repeat(ZeroDivisionError("a bug")))
    job = runs.run()
    assert_failed(runs, job, "internal_error")
    assert job.failure
    assert "A step of the workflow failed (ZeroDivisionError)." == job.failure.message
    assert 1 == runs.calls()["StartTaskFunction"]


@pytest.mark.parametrize("function", STEPS[1:])
def test_a_bug_that_is_fixed_costs_no_charged_video(runs: Runs, function: str) -> None:
    """The execution fails, which raises the alarm, and the sweep resumes the job."""
    runs.breaks(function, repeat(ZeroDivisionError("a bug"), 3))
    job = runs.run()
    for _ in range(3):
        assert not is_terminal(runs.sandbox.job(job.id).state)
        runs.sandbox.clock.advance(900)
        runs.sandbox.invoke("ReconcileFunction", {"action": "sweep"})
    assert (JobState.SUCCEEDED, 3) == (runs.sandbox.job(job.id).state, runs.sandbox.job(job.id).resumes)
    assert (1, 1) == (submits(runs), len(runs.sandbox.tasks()))


@pytest.mark.parametrize("kind", ["403_expired", "truncate"])
def test_downloads_that_fail_for_an_hour_cost_no_video(runs: Runs, kind: str) -> None:
    """DashScope has the video for a day, so the sweep resumes the job until its deadline."""
    runs.sandbox.fake.fault(on="download", kind=kind, times=20)
    job = runs.run()
    assert ("FAILED", JobState.STORING) == (runs.execution(job.id)["status"], job.state)
    runs.sandbox.clock.advance(300)
    runs.sandbox.invoke("ReconcileFunction", {"action": "sweep"})
    assert JobState.SUCCEEDED is runs.sandbox.job(job.id).state


@pytest.mark.parametrize("status", ["queue", "task"])
def test_a_stopped_execution_cancels_only_what_is_not_paid(runs: Runs, status: str) -> None:
    """StopExecution ends the execution itself; the sweep then cancels the job, or resumes it."""
    job = runs.sandbox.put() if status == "queue" else runs.sandbox.submitted()
    with runs.sandbox.stack.acting_as("SubmitFunction"), patch.object(ExecutionWorker, "start", lambda _: None):
        job_workflow.start(job.id)
    # Moto stops only what has begun to run, and executions run completely here.
    machine: Any = stepfunctions_parser_backends[ACCOUNT][REGION].describe_state_machine(runs.machine)
    (execution,) = machine.executions
    execution.exec_status = ExecutionStatus.ABORTED
    runs.sandbox.clock.advance(300)
    runs.sandbox.invoke("ReconcileFunction", {"action": "sweep"})
    expected = {"queue": ("cancelled", 0), "task": ("succeeded", 1)}
    assert expected[status] == (runs.sandbox.job(job.id).state.value, submits(runs))


@pytest.mark.parametrize("names", [LAMBDAS_OWN[:6], LAMBDAS_OWN[-2:]])
@pytest.mark.parametrize("function", [*STEPS, "FinishFunction"])
def test_a_step_that_lambda_loses_is_repeated(runs: Runs, function: str, names: list[str]) -> None:
    """If it is throttled, timed out or killed, the job continues after at most six more tries, with one POST."""
    runs.breaks(function, [lambda_error(name) for name in names])
    assert_succeeded(runs, runs.run())
    assert 1 == submits(runs)


@pytest.mark.parametrize("function", [*STEPS, "FinishFunction"])
def test_a_step_whose_reply_is_lost_does_its_work_once(runs: Runs, function: str) -> None:
    """The function completed its work, and then its reply was lost."""
    runs.breaks(function, [lambda_error("Lambda.Unknown")] * 2, after=True)
    job = runs.run()
    assert_succeeded(runs, job)
    assert 1 == submits(runs)
    assert 1 == runs.sandbox.requests()["download"]
    # The receipts are renewed by a run of their own.
    assert 3 + (function == "FinishFunction") <= runs.calls()[function] <= 4


@pytest.mark.parametrize("function", ["TakeSlotFunction", "StartTaskFunction"])
def test_an_uncharged_job_outlives_its_execution_too(runs: Runs, function: str) -> None:
    """Lambda failed for longer than an execution retries: the sweep resumes the job, and it gets its video."""
    tries = 13 if function == "TakeSlotFunction" else 7
    runs.breaks(function, repeat(lambda_error("Sandbox.Timedout"), tries))
    job = runs.run()
    assert "FAILED" == runs.execution(job.id)["status"]
    assert is_terminal(job.state) is False
    assert tries == runs.calls()[function]
    runs.sandbox.clock.advance(300)
    runs.sandbox.invoke("ReconcileFunction", {"action": "sweep"})
    assert (JobState.SUCCEEDED, 1) == (runs.sandbox.job(job.id).state, submits(runs))


@pytest.mark.parametrize(
    ("error", "code"), [(lambda_error("Sandbox.Timedout"), "timed_out"), (AwsTrouble("no"), "aws_trouble")]
)
def test_a_first_step_that_always_fails_finally_fails_the_job(runs: Runs, error: Exception, code: str) -> None:
    """If nothing was charged, the number of resumptions is limited; the reason names what failed."""
    resumes = 2
    runs.breaks("StartTaskFunction", repeat(error))
    with patch.object(steps, "MAX_UNPAID_RESUMES", resumes):
        job = runs.run()
        for _ in range(resumes):
            runs.sandbox.clock.advance(300)
            runs.sandbox.invoke("ReconcileFunction", {"action": "sweep"})
    ended = runs.sandbox.job(job.id)
    assert JobState.FAILED == ended.state
    assert resumes == ended.resumes
    assert 0 == submits(runs)
    assert ended.failure
    assert code == ended.failure.code == runs.sandbox.receipt(f"{job.receipts}/error.json")["error"]["code"]


@pytest.mark.parametrize("error", [lambda_error("Sandbox.Timedout"), AwsTrouble("no")])
@pytest.mark.parametrize("function", STEPS[1:])
def test_a_charged_job_outlives_its_execution(runs: Runs, function: str, error: Exception) -> None:
    """However long AWS fails, a charged job is not given up: its execution fails, and the sweep resumes the job."""
    runs.breaks(function, repeat(error, 7))
    job = runs.run()
    assert ("FAILED", False) == (runs.execution(job.id)["status"], is_terminal(job.state))
    runs.sandbox.clock.advance(300)
    runs.sandbox.invoke("ReconcileFunction", {"action": "sweep"})
    ended = runs.sandbox.job(job.id)
    assert (JobState.SUCCEEDED, "SUCCEEDED") == (ended.state, runs.execution(f"{job.id}-1")["status"])
    assert (1, 1) == (submits(runs), len(runs.sandbox.tasks()))


@pytest.mark.parametrize("function", STEPS[1:])
def test_a_charged_job_that_aws_never_completes_ends_at_its_deadline(runs: Runs, function: str) -> None:
    """Every accepted job ends, with a reason."""
    runs.breaks(function, repeat(AwsTrouble("no")))
    job = runs.run()
    runs.sandbox.clock.advance(5 * 3600)
    runs.sandbox.invoke("ReconcileFunction", {"action": "sweep"})
    ended = runs.sandbox.job(job.id)
    assert JobState.FAILED is ended.state
    assert ended.failure
    assert "aws_trouble" == ended.failure.code


@pytest.mark.parametrize("function", STEPS)
def test_aws_errors_are_waited_out(runs: Runs, function: str) -> None:
    """The table or a bucket may be unavailable for a while."""
    runs.breaks(function, [AwsTrouble("no")] * 6)
    assert_succeeded(runs, runs.run())


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (AwsTrouble("no"), 3),
        (errors.WrongState("no"), 1),
        (lambda_error("Sandbox.Timedout"), 2),
        (lambda_error("Runtime.ExitError"), 1),
        (lambda_error("Runtime.OutOfMemory"), 1),
        (ZeroDivisionError("a bug"), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_failed_thumbnail_costs_the_thumbnail_only(runs: Runs, error: Exception, tries: int) -> None:
    """The video is charged and stored: the job succeeds whatever happens to its thumbnail."""
    runs.breaks("ThumbnailFunction", repeat(error))
    job = runs.run()
    assert_succeeded(runs, job)
    assert (None, tries) == (job.thumbnail, runs.calls()["ThumbnailFunction"])
    assert runs.sandbox.receipt(f"{job.receipts}/video.json")["thumbnail"] is None
    assert "error" not in json.loads(runs.execution(job.id)["output"])


def test_a_function_killed_after_its_post_causes_no_second_one(runs: Runs) -> None:
    """The POST was sent and the record has an open attempt: wait, search, adopt."""
    with patch.object(jobs, "claim", side_effect=[lambda_error("Sandbox.Timedout"), DEFAULT], wraps=jobs.claim):
        job = runs.run()
    assert_succeeded(runs, job)
    assert 1 == submits(runs)
    assert 1 == len(runs.sandbox.tasks())
    assert job.is_adopted is True


def test_a_second_finish_does_the_same(runs: Runs) -> None:
    """If the last step of a completed execution is run again, nothing changes."""
    job = runs.run()
    receipts = {key: runs.sandbox.result(key) for key in runs.sandbox.results_there()}
    last = json.loads(runs.execution(job.id)["output"])
    runs.sandbox.clock.advance(5000)
    assert {"state": "succeeded"} == runs.sandbox.invoke("FinishFunction", last)
    assert (job, receipts) == (
        runs.sandbox.job(job.id),
        {key: runs.sandbox.result(key) for key in runs.sandbox.results_there()},
    )


def test_an_end_that_cannot_be_recorded_fails_the_execution(runs: Runs) -> None:
    """The failed execution raises the alarm; the sweep resumes the job later."""
    runs.breaks("FinishFunction", repeat(AwsTrouble("no")))
    job = runs.run()
    assert JobState.STORING is job.state
    assert "FAILED" == (execution := runs.execution(job.id))["status"]
    assert "NotFinished" == execution["error"]
    assert 7 == runs.calls()["FinishFunction"]


def test_an_execution_without_a_job_ends(runs: Runs) -> None:
    """If it was started by hand, or its job was deleted, it does nothing and raises no alarm."""
    unknown = "job_" + "a" * 26
    aws("stepfunctions").start_execution(
        stateMachineArn=runs.machine, name=unknown, input=json.dumps({"job_id": unknown})
    )
    found = runs.execution(unknown)
    assert ("SUCCEEDED", "deleted") == (found["status"], json.loads(found["output"])["job"]["state"])
    assert [] == list(runs.sandbox.router.calls)


def test_one_job_has_one_execution(runs: Runs) -> None:
    """A second start under the job's name is the same execution."""
    job = runs.run()
    with runs.sandbox.stack.acting_as("SubmitFunction"):
        job_workflow.start(job.id)
    assert [job.id] == runs.sandbox.executions()
    assert 1 == submits(runs)


def test_a_task_that_never_ends_is_given_up_in_time(runs: Runs) -> None:
    """The job ends at its deadline, far below the 25,000 events at which Step Functions would end its execution."""
    runs.sandbox.fake.fault(on="task", kind="never_ends")
    job = runs.run(deadline=runs.sandbox.clock.now() + 1800)
    assert_failed(runs, job, "deadline_exceeded")
    assert job.ended_at
    assert 0 <= job.ended_at - job.deadline < 2
    assert job.polls > runs.calls()["StatusFunction"]
    assert 0 < len(runs.history(job.id)) - EVENTS_OF_A_RUN * runs.calls()["StatusFunction"] < 25


def test_every_retryable_error_is_retried(runs: Runs) -> None:
    """The names in the workflow are classes of the tree, and no retryable class is missing."""
    definition = json.loads(aws("stepfunctions").describe_state_machine(stateMachineArn=runs.machine)["definition"])
    retried = {
        name
        for state in definition["States"].values()
        for retrier in state.get("Retry", [])
        for name in retrier["ErrorEquals"]
    }
    tree = {
        name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, GallopError)
    }
    assert set() == {name for name in retried if "." not in name} - tree.keys()
    assert {name for name, kind in tree.items() if issubclass(kind, TryAgain) and kind is not TryAgain} <= retried

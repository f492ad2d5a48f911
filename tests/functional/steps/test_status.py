"""The step that polls a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import pytest
from gallop import settings
from gallop.domain import remedies
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, JobState, failure_from
from gallop.domain.remedies import Remedy
from gallop.domain.views import remedy_of
from gallop.steps import status

from fake_dashscope import KEY, ids
from tests.support.jobs import a_request
from tests.support.sandbox import SUBMIT_URL, TASKS_URL
from tests.support.stack import aws

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox

TROUBLE = ["drop", "stall", "500", "429", "malformed"]
ODD_REPLIES = {
    "no status": httpx.Response(200, json={"output": {}}),
    "no output": httpx.Response(200, json={"request_id": "r"}),
    "a number for a status": httpx.Response(200, json={"output": {"task_status": 7}}),
    "a list": httpx.Response(200, json=[]),
    "a page": httpx.Response(200, text="<html></html>"),
    "not a number": httpx.Response(
        200, content=b'{"output": {"task_status": "SUCCEEDED"}, "usage": {"duration": NaN}}'
    ),
    "a redirect": httpx.Response(302, headers={"Location": "https://example.com"}),
    "running, they say, with a 503": httpx.Response(503, json={"output": {"task_status": "RUNNING"}}),
}


def ask(sandbox: Sandbox, job: Job) -> dict[str, Any]:
    """Run the step."""
    answer: dict[str, Any] = sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})
    return answer


def task_says(sandbox: Sandbox, **output: object) -> None:
    """Let every query return this answer."""
    sandbox.instead[TASKS_URL] = lambda _: httpx.Response(200, json={"output": output})


def usage_says(sandbox: Sandbox, **usage: object) -> None:
    """Let every query return a success with this usage."""
    output = {"task_status": "SUCCEEDED", "video_url": "https://x.aliyuncs.com/v.mp4"}
    sandbox.instead[TASKS_URL] = lambda _: httpx.Response(200, json={"output": output, "usage": usage})


def test_the_query_is_for_the_task_with_the_key(sandbox: Sandbox) -> None:
    """It is one GET to the address that the job was submitted to, and is counted."""
    job = sandbox.submitted()
    ask(sandbox, job)
    (query,) = sandbox.sent(TASKS_URL)
    assert (f"{TASKS_URL}/{job.task_id}", f"Bearer {KEY}") == (str(query.url), query.headers["Authorization"])
    assert 1 == sandbox.job(job.id).polls


@pytest.mark.parametrize("word", ["RUNNING", "SUSPENDED", "SOMETHING_NEW"])
def test_a_task_that_has_not_ended_is_waited_for(sandbox: Sandbox, word: str) -> None:
    """An unknown status does not count as an end."""
    job = sandbox.submitted()
    task_says(sandbox, task_status=word)
    # A second later than the submit; polls are at least one second apart.
    assert {"next": "wait", "wait_seconds": 49, "failure": None} == ask(sandbox, job)
    sandbox.clock.advance(43)
    assert ("wait", 3) == ((answer := ask(sandbox, job))["next"], answer["wait_seconds"])


def test_near_the_end_of_a_task_one_run_asks_several_times(sandbox: Sandbox) -> None:
    """It sleeps up to 25 s between queries, reads and writes the record once, and finds the end within seconds."""
    job, asked_at = sandbox.submitted(), []

    def still_running(_: httpx.Request) -> httpx.Response:
        asked_at.append(sandbox.clock.now())
        return httpx.Response(200, json={"output": {"task_status": "RUNNING"}})

    sandbox.instead[TASKS_URL] = still_running
    sandbox.clock.advance(60)
    assert "wait" == ask(sandbox, job)["next"]
    assert [0, 3, 6, 9, 12, 15, 18, 21, 24] == [round(at - asked_at[0]) for at in asked_at]
    assert 9 == sandbox.job(job.id).polls == len(sandbox.sent(TASKS_URL))
    assert 1 == sandbox.made["Status"][-1].count("UpdateItem")
    sandbox.instead.clear()
    assert "save" == ask(sandbox, job)["next"]


def test_a_run_holds_no_function_for_a_long_wait(sandbox: Sandbox) -> None:
    """If many tasks are in flight, and queries have to be 39 s apart, the state machine waits."""
    job = sandbox.submitted()
    task_says(sandbox, task_status="RUNNING")
    sandbox.clock.advance(80)
    with patch.object(settings, "max_in_flight", return_value=100):
        assert 39 == ask(sandbox, job)["wait_seconds"]
    assert 1 == sandbox.job(job.id).polls


def test_with_completion_events_only_the_state_machine_waits(sandbox: Sandbox) -> None:
    """An event cannot end the sleep of a function."""
    job = sandbox.submitted()
    task_says(sandbox, task_status="RUNNING")
    sandbox.clock.advance(80)
    with patch.object(settings, "completion_events", return_value=True):
        assert ("listen", 3) == ((answer := ask(sandbox, job))["next"], answer["wait_seconds"])
    assert 1 == sandbox.job(job.id).polls


def test_a_task_that_fails_is_noticed_in_the_same_run(sandbox: Sandbox) -> None:
    """The number of queries is recorded, whatever they found."""
    job, answers = sandbox.submitted(), iter([{"task_status": "RUNNING"}, {"task_status": "FAILED", "code": "X"}])
    sandbox.instead[TASKS_URL] = lambda _: httpx.Response(200, json={"output": next(answers)})
    sandbox.clock.advance(80)
    assert "finish" == ask(sandbox, job)["next"]
    assert 2 == sandbox.job(job.id).polls


def test_the_age_of_a_task_starts_when_it_runs(sandbox: Sandbox) -> None:
    """It cannot end before ``scheduled_time``, which is in UTC+8; clients see the same time."""
    job = sandbox.submitted()
    task_says(sandbox, task_status="PENDING")
    sandbox.clock.advance(1000)
    assert 50 == ask(sandbox, job)["wait_seconds"]
    began_at = sandbox.clock.now()
    task_says(sandbox, task_status="RUNNING", scheduled_time=ids.local_time(began_at))
    sandbox.clock.advance(23)
    assert (27, began_at) == (ask(sandbox, job)["wait_seconds"], sandbox.job(job.id).began_at)


@pytest.mark.parametrize("reported", ["2019-01-01 00:00:00.000", "2999-01-01 00:00:00", "soon", 7, None])
def test_an_impossible_start_time_is_ignored(sandbox: Sandbox, reported: object) -> None:
    """If the time is of another zone or a wrong clock, the task's age counts from its submit."""
    job = sandbox.submitted()
    task_says(sandbox, task_status="RUNNING", scheduled_time=reported)
    sandbox.clock.advance(23)
    assert (27, None) == (ask(sandbox, job)["wait_seconds"], sandbox.job(job.id).began_at)


def test_a_task_that_succeeded_is_charged_then_stored(sandbox: Sandbox) -> None:
    """Usage and cost are recorded before the download; the address of the video is recorded nowhere."""
    job = sandbox.storing(request=a_request(resolution="1080P", duration=15))
    assert (JobState.STORING, "3.6") == (job.state, str(job.cost))
    assert job.usage
    assert (15, 1080) == (job.usage["duration"], job.usage["SR"])
    receipt = sandbox.receipt(f"{job.receipts}/status.json")
    assert ("storing", 3.6) == (receipt["state"], receipt["cost"])
    table = aws("dynamodb").scan(TableName=sandbox.stack.resource("JobTable"))
    assert "aliyuncs.com/" not in str(table["Items"]).replace(job.base_url, "")


@pytest.mark.parametrize("duration", ["5", None, float(10**9), -3, [5]])
def test_impossible_usage_is_ignored(sandbox: Sandbox, duration: object) -> None:
    """The video exists and is charged: an invalid duration does not lose it, and the requested one sets the price."""
    job = sandbox.submitted()
    usage_says(sandbox, duration=duration)
    assert "save" == ask(sandbox, job)["next"]
    assert "0.7" == str(sandbox.job(job.id).cost)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("DataInspectionFailed", Remedy.CHANGE_CONTENT),
        ("InvalidParameter", Remedy.FIX_REQUEST),
        ("InvalidURL.Timeout", Remedy.SEND_IMAGES),
        ("InternalError.Algo", Remedy.CREATE_AGAIN),
        ("InternalError.Timeout", Remedy.CREATE_AGAIN),
    ],
)
def test_a_task_that_failed_ends_the_job_with_its_reason(sandbox: Sandbox, code: str, remedy: Remedy) -> None:
    """The failure has DashScope's code and message, and a remedy."""
    sandbox.fake.fault(on="task", kind="fail", code=code, message="It did not work.")
    job = sandbox.submitted()
    sandbox.clock.advance(3600)
    answer = ask(sandbox, job)
    assert "finish" == answer["next"]
    failure = failure_from(answer["failure"])
    expected = Failure(FailureCode.GENERATION_FAILED, "DashScope could not make the video.", code, "It did not work.")
    assert expected == failure
    assert f"{remedies.text(remedy, job.door)} You have not been charged." == remedy_of(job, failure)


def test_a_failure_without_detail_is_a_failure(sandbox: Sandbox) -> None:
    """Some failures have no reason."""
    sandbox.fake.fault(on="task", kind="fail_without_detail")
    job = sandbox.submitted()
    sandbox.clock.advance(3600)
    failure = ask(sandbox, job)["failure"]
    assert "FAILED" == failure["vendor_code"]
    assert "DashScope reported no reason." == failure["vendor_message"]


def test_addresses_in_a_reason_are_removed(sandbox: Sandbox) -> None:
    """The presigned address of a private image is shown to DashScope only."""
    job = sandbox.submitted()
    quoted = "Cannot fetch https://inbox.s3.amazonaws.com/a.jpg?X-Amz-Signature=abc."
    task_says(sandbox, task_status="FAILED", code="InvalidParameter", message=quoted)
    assert "Cannot fetch (address)" == ask(sandbox, job)["failure"]["vendor_message"]


def test_an_unpaired_surrogate_in_a_reason_does_no_harm(sandbox: Sandbox) -> None:
    """Every message from DashScope can be stored."""
    job = sandbox.submitted()
    body = rb'{"output": {"task_status": "FAILED", "code": "Odd", "message": "broken \ud83d here"}}'
    sandbox.instead[TASKS_URL] = lambda _: httpx.Response(200, content=body)
    assert "broken ? here" == ask(sandbox, job)["failure"]["vendor_message"]


def test_a_task_cancelled_at_dashscope_ends_the_job(sandbox: Sandbox) -> None:
    """It was cancelled in DashScope's console."""
    job = sandbox.submitted()
    task_says(sandbox, task_status="CANCELED")
    assert "cancelled" == ask(sandbox, job)["failure"]["code"]


def test_an_early_unknown_is_ignored(sandbox: Sandbox) -> None:
    """A task that was just accepted may not be visible everywhere yet."""
    job = sandbox.submitted()
    sandbox.fake.fault(on="query", kind="unknown", times=20)
    sandbox.clock.advance(90)
    assert ("wait", None) == ((answer := ask(sandbox, job))["next"], answer["failure"])
    assert None is sandbox.job(job.id).unknown_since


def test_a_late_unknown_ends_the_job_with_its_possible_causes(sandbox: Sandbox) -> None:
    """The task has expired or the key is of another region: both look the same."""
    job = sandbox.submitted()
    sandbox.fake.fault(on="query", kind="unknown", times=20)
    sandbox.clock.advance(121)
    assert "wait" == ask(sandbox, job)["next"]
    sandbox.clock.advance(status.UNKNOWN_FOR_SECONDS)
    failure = ask(sandbox, job)["failure"]
    assert "task_unknown" == failure["code"]
    assert "it expired (24 hours), or the key now belongs to another region or account" in failure["message"]


def test_a_temporary_unknown_is_forgotten(sandbox: Sandbox) -> None:
    """A key that was wrong for a moment costs no paid task."""
    job = sandbox.submitted()
    for _ in range(3):
        sandbox.clock.advance(status.UNKNOWN_FOR_SECONDS - 1)
        sandbox.fake.fault(on="query", kind="unknown")
        assert "wait" == ask(sandbox, job)["next"]
        task_says(sandbox, task_status="RUNNING")
        assert "wait" == ask(sandbox, job)["next"]
        sandbox.instead.clear()


@pytest.mark.parametrize("kind", TROUBLE)
def test_a_failed_query_never_ends_a_job(sandbox: Sandbox, kind: str) -> None:
    """If the query is lost, slow, throttled, failed or truncated, the task is polled again."""
    job = sandbox.submitted()
    sandbox.fake.fault(on="query", kind=kind, times=10)
    while (answer := ask(sandbox, job))["next"] == "wait":
        sandbox.clock.advance(answer["wait_seconds"])
    assert ("save", None) == (answer["next"], answer["failure"])
    assert 11 <= sandbox.job(job.id).polls


@pytest.mark.parametrize("reply", ODD_REPLIES.values(), ids=ODD_REPLIES.keys())
def test_an_unreadable_answer_is_requested_again(sandbox: Sandbox, reply: httpx.Response) -> None:
    """Only an answer with a status has an effect."""
    job = sandbox.submitted()
    sandbox.instead[TASKS_URL] = lambda _: reply
    assert ("wait", JobState.RUNNING) == (ask(sandbox, job)["next"], sandbox.job(job.id).state)


def test_a_connection_error_is_waited_out(sandbox: Sandbox) -> None:
    """The task runs while the network is down."""
    job = sandbox.submitted()

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    sandbox.instead[TASKS_URL] = refuse
    assert "wait" == ask(sandbox, job)["next"]


@pytest.mark.parametrize("code", ["InvalidApiKey", "AccessDenied", "Arrearage"])
def test_a_rejected_key_is_waited_for_and_can_be_fixed(sandbox: Sandbox, code: str) -> None:
    """The task is charged: an operator has until the deadline to correct the key, with one poll per minute."""
    job = sandbox.submitted()
    sandbox.clock.advance(100)
    sandbox.fake.fault(on="query", kind="error", code=code, times=2)
    assert [60, 60] == [ask(sandbox, job)["wait_seconds"] for _ in range(2)]
    sandbox.clock.advance(3600)
    assert "save" == ask(sandbox, job)["next"]


def test_a_rotated_key_is_used_within_five_minutes(sandbox: Sandbox) -> None:
    """A warm function reads the secret again."""
    job, secret = sandbox.submitted(), sandbox.stack.resource("DashScopeSecret")
    aws("secretsmanager").put_secret_value(SecretId=secret, SecretString="sk-rotated")
    ask(sandbox, job)
    assert f"Bearer {KEY}" == sandbox.sent(TASKS_URL)[-1].headers["Authorization"]
    sandbox.clock.advance(301)
    ask(sandbox, job)
    assert "Bearer sk-rotated" == sandbox.sent(TASKS_URL)[-1].headers["Authorization"]
    aws("secretsmanager").put_secret_value(SecretId=secret, SecretString=KEY)


def test_the_deadline_ends_a_job(sandbox: Sandbox) -> None:
    """A task that never ends does not keep a job forever; the failure names the task."""
    sandbox.fake.fault(on="task", kind="never_ends")
    job = sandbox.submitted()
    sandbox.clock.time = job.deadline - 1.4
    failure = ask(sandbox, job)["failure"]
    assert 0 <= sandbox.clock.now() - job.deadline < 1
    assert "deadline_exceeded" == failure["code"]
    assert f"Task {job.task_id} had not ended 240 minutes after the job was accepted." == failure["message"]


def test_the_deadline_failure_names_the_last_problem(sandbox: Sandbox) -> None:
    """If polling failed until the deadline, the failure says why."""
    job = sandbox.submitted()
    sandbox.fake.fault(on="query", kind="500", times=1)
    sandbox.clock.time = job.deadline + 1
    assert "DashScope sent an unreadable response (HTTP 500)." in ask(sandbox, job)["failure"]["message"]


@pytest.mark.parametrize(
    ("state", "what_next"),
    [
        (JobState.STORING, "save"),
        (JobState.SUCCEEDED, "finish"),
        (JobState.FAILED, "finish"),
        (JobState.CANCELLED, "finish"),
    ],
)
def test_a_late_step_does_not_poll(sandbox: Sandbox, state: JobState, what_next: str) -> None:
    """A step that is repeated returns what the job's state requires."""
    job = sandbox.put(state)
    assert what_next == ask(sandbox, job)["next"]
    assert ([], state) == (sandbox.sent(TASKS_URL), sandbox.job(job.id).state)


def test_a_job_keeps_the_address_that_it_was_submitted_to(sandbox: Sandbox) -> None:
    """A stack that moves to another region does not lose its jobs."""
    elsewhere = "https://dashscope.aliyuncs.com/api/v1"
    job = sandbox.put(JobState.RUNNING, base_url=elsewhere)
    ask(sandbox, job)
    assert 1 == len(sandbox.sent(f"{elsewhere}/tasks/{job.task_id}"))
    assert [] == sandbox.sent(SUBMIT_URL)


@pytest.mark.parametrize(("reported", "cost"), [(1080, "0.72"), (720, "0.42"), (4320, "0.42"), ("x", "0.42")])
def test_the_cost_follows_the_usage(sandbox: Sandbox, reported: object, cost: str) -> None:
    """The resolution in the usage counts if the model has it, otherwise the request's: 720P for three seconds."""
    job = sandbox.submitted(request=a_request(duration=3, resolution="720P"))
    usage_says(sandbox, SR=reported, duration=3)
    ask(sandbox, job)
    assert cost == str(sandbox.job(job.id).cost)
